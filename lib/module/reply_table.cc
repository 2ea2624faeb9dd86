#include "module/reply_table.h"

#include <array>
#include <atomic>
#include <mutex>
#include <new>
#include <vector>

namespace pinnate::module {
namespace {

// A reply's number: generation, origin, slot + 1.
constexpr bool kWide = sizeof(void*) == 8;
constexpr unsigned kSlotBits = kWide ? 20 : 15, kOriginBits = kWide ? 16 : 6;
constexpr std::uintptr_t kOne = 1;
constexpr std::size_t kSlots = (kOne << kSlotBits) - 1, kSlotsPerBlock = 256, kBlocks = kSlots / kSlotsPerBlock;
constexpr std::size_t kOrigins = kOne << kOriginBits;

struct Slot {
  std::mutex mutex;
  std::uintptr_t number = 0;  // of the call in it; 0: none
  std::uintptr_t generation = 0;
  std::shared_ptr<Call> call;
  std::atomic<std::uint32_t> next_free{0};
};

// Free slots, as a stack without a lock. The upper half of `top` counts pushes, so that a slot that was taken and put back in
// the meantime is told from one that never moved. Slots are never freed, so reading one that was taken is harmless.
class FreeSlots {
 public:
  template <typename SlotAt>
  std::uint32_t pop(const SlotAt& slot_at) {
    std::uint64_t top = top_.load(std::memory_order_acquire);
    while (const auto index = static_cast<std::uint32_t>(top)) {
      const std::uint64_t below = slot_at(index).next_free.load(std::memory_order_relaxed);
      if (top_.compare_exchange_weak(top, (top & ~std::uint64_t{0xffffffff}) | below, std::memory_order_acquire))
        return index;
    }
    return 0;
  }
  void push(std::uint32_t index, Slot& slot) {
    std::uint64_t top = top_.load(std::memory_order_relaxed);
    do slot.next_free.store(static_cast<std::uint32_t>(top), std::memory_order_relaxed);
    while (!top_.compare_exchange_weak(top, ((top >> 32) + 1) << 32 | index, std::memory_order_release,
                                       std::memory_order_relaxed));
  }

 private:
  std::atomic<std::uint64_t> top_{0};
};

class Table {
 public:
  Slot& at(std::uint32_t index) {  // from 1
    return blocks_[(index - 1) / kSlotsPerBlock].load(std::memory_order_acquire)[(index - 1) % kSlotsPerBlock];
  }
  Slot* find(std::uintptr_t number) {
    const auto index = static_cast<std::uint32_t>(number & ((kOne << kSlotBits) - 1));
    if (index == 0 || index > made_.load(std::memory_order_acquire)) return nullptr;
    return &at(index);
  }

  std::uint32_t take() {
    // A thread prefers one stack, to meet others seldom, but takes from any.
    static std::atomic<std::uint32_t> next_thread{0};
    thread_local const std::uint32_t mine = next_thread.fetch_add(1, std::memory_order_relaxed);
    for (std::size_t i = 0; i < free_.size(); ++i)
      if (const std::uint32_t index = pop(mine + i)) return index;
    const std::lock_guard lock(growing_);
    for (std::size_t i = 0; i < free_.size(); ++i)
      if (const std::uint32_t index = pop(mine + i)) return index;
    const std::size_t made = made_.load(std::memory_order_relaxed), block = made / kSlotsPerBlock;
    if (block >= kBlocks) return 0;
    Slot* slots = new (std::nothrow) Slot[kSlotsPerBlock];
    if (!slots) return 0;
    blocks_[block].store(slots, std::memory_order_release);
    made_.store(made + kSlotsPerBlock, std::memory_order_release);
    for (std::size_t i = 1; i < kSlotsPerBlock; ++i) put_back(static_cast<std::uint32_t>(made + i + 1));
    return static_cast<std::uint32_t>(made + 1);
  }
  void put_back(std::uint32_t index) { free_[index % free_.size()].stack.push(index, at(index)); }

  std::mutex origins_mutex;
  std::vector<std::weak_ptr<const Origin>> origins = std::vector<std::weak_ptr<const Origin>>(1);
  std::vector<std::uint32_t> free_origins;

 private:
  std::uint32_t pop(std::size_t stack) {
    return free_[stack % free_.size()].stack.pop([this](std::uint32_t index) -> Slot& { return at(index); });
  }

  struct alignas(64) Stack {
    FreeSlots stack;
  };
  std::array<Stack, 16> free_;
  std::mutex growing_;
  std::atomic<std::size_t> made_{0};
  std::array<std::atomic<Slot*>, kBlocks> blocks_{};
};

// Never destroyed: a module's thread may answer while the process ends.
Table& table() {
  static Table& table = *new Table;
  return table;
}

std::uintptr_t number_of(const pinnate_reply* reply) { return reinterpret_cast<std::uintptr_t>(reply); }

}  // namespace

OriginNumber::OriginNumber(std::shared_ptr<const Origin> origin) {
  Table& t = table();
  const std::lock_guard lock(t.origins_mutex);
  if (!t.free_origins.empty()) {
    value_ = t.free_origins.front();  // the one that has been free the longest
    t.free_origins.erase(t.free_origins.begin());
    t.origins[value_] = std::move(origin);
  } else if (t.origins.size() < kOrigins) {
    value_ = static_cast<std::uint32_t>(t.origins.size());
    t.origins.push_back(std::move(origin));
  } else {
    value_ = 0;
  }
}

OriginNumber::~OriginNumber() {
  if (value_ == 0) return;
  Table& t = table();
  const std::lock_guard lock(t.origins_mutex);
  t.origins[value_].reset();
  t.free_origins.push_back(value_);
}

pinnate_reply* issue_reply(std::shared_ptr<Call> call, const OriginNumber& origin) {
  const std::uint32_t index = table().take();
  if (index == 0) return nullptr;
  Slot& slot = table().at(index);
  const std::lock_guard lock(slot.mutex);
  slot.number = ++slot.generation << (kSlotBits + kOriginBits) | std::uintptr_t{origin.value()} << kSlotBits | index;
  slot.call = std::move(call);
  return reinterpret_cast<pinnate_reply*>(slot.number);
}

std::shared_ptr<Call> find_reply(const pinnate_reply* reply) {
  Slot* slot = table().find(number_of(reply));
  if (!slot) return nullptr;
  const std::lock_guard lock(slot->mutex);
  return slot->number == number_of(reply) ? slot->call : nullptr;
}

void retire_reply(pinnate_reply* reply) {
  Slot* slot = table().find(number_of(reply));
  if (!slot) return;
  std::shared_ptr<Call> ended;  // destroyed outside the lock
  {
    const std::lock_guard lock(slot->mutex);
    if (slot->number != number_of(reply)) return;
    slot->number = 0;
    ended = std::move(slot->call);
  }
  table().put_back(static_cast<std::uint32_t>(number_of(reply) & ((kOne << kSlotBits) - 1)));
}

void blame_stale_reply(const pinnate_reply* reply, const char* what) {
  std::shared_ptr<const Origin> origin;
  {
    Table& t = table();
    const std::lock_guard lock(t.origins_mutex);
    const std::size_t number = number_of(reply) >> kSlotBits & (kOrigins - 1);
    if (number < t.origins.size()) origin = t.origins[number].lock();
  }
  if (origin) origin->outlet->log(PINNATE_LOG_WARNING, origin->label + ": " + what);
}

}  // namespace pinnate::module
