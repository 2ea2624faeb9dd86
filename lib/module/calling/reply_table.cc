#include "module/calling/reply_table.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

namespace pinnate::module {
namespace {

// A reply's number: generation, slot, shard. Generations begin at 1, so that none is 0; on 32 bits
// they begin again there.
constexpr bool kWide = sizeof(void*) == 8;
constexpr unsigned kShardBits = 4, kSlotBits = kWide ? 16 : 11;
constexpr std::uintptr_t kOne = 1, kLastGeneration = ~std::uintptr_t{0} >> (kShardBits + kSlotBits);

struct Slot {
  std::uintptr_t generation = 0;
  std::shared_ptr<Call> call;  // null: free
};

struct alignas(64) Shard {
  std::mutex mutex;
  std::vector<Slot> slots;
  std::vector<std::uint32_t> free;
};

// Never destroyed: a module's thread may answer while the process ends.
std::array<Shard, kOne << kShardBits>& shards = *new std::array<Shard, kOne << kShardBits>;

std::uintptr_t number_of(const pinnate_reply* reply) { return reinterpret_cast<std::uintptr_t>(reply); }
std::size_t shard_of(std::uintptr_t number) { return number & ((kOne << kShardBits) - 1); }
std::size_t slot_of(std::uintptr_t number) { return number >> kShardBits & ((kOne << kSlotBits) - 1); }

// Under the shard's lock. Null when the number names no call.
Slot* find_locked(Shard& shard, std::uintptr_t number) {
  if (slot_of(number) >= shard.slots.size()) return nullptr;
  Slot& slot = shard.slots[slot_of(number)];
  return slot.call && slot.generation == number >> (kShardBits + kSlotBits) ? &slot : nullptr;
}

}  // namespace

pinnate_reply* issue_reply(std::shared_ptr<Call> call) {
  // A thread prefers one shard, to meet others seldom, but takes from any.
  static std::atomic<std::uint32_t> next_thread{0};
  thread_local const std::uint32_t mine = next_thread.fetch_add(1, std::memory_order_relaxed);
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const std::size_t number = (mine + i) % shards.size();
    Shard& shard = shards[number];
    const std::lock_guard lock(shard.mutex);
    if (shard.free.empty()) {
      if (shard.slots.size() == kOne << kSlotBits) continue;
      shard.free.push_back(static_cast<std::uint32_t>(shard.slots.size()));
      shard.slots.emplace_back();
      shard.free.reserve(shard.slots.capacity());  // so that to retire a call takes no memory
    }
    const std::uintptr_t index = shard.free.back();
    shard.free.pop_back();
    Slot& slot = shard.slots[index];
    slot.generation = slot.generation == kLastGeneration ? 1 : slot.generation + 1;
    slot.call = std::move(call);
    return reinterpret_cast<pinnate_reply*>((slot.generation << kSlotBits | index) << kShardBits | number);
  }
  return nullptr;
}

std::shared_ptr<Call> find_reply(const pinnate_reply* reply) {
  Shard& shard = shards[shard_of(number_of(reply))];
  const std::lock_guard lock(shard.mutex);
  const Slot* slot = find_locked(shard, number_of(reply));
  return slot ? slot->call : nullptr;
}

void retire_reply(const pinnate_reply* reply) {
  std::shared_ptr<Call> ended;  // destroyed outside the lock
  Shard& shard = shards[shard_of(number_of(reply))];
  const std::lock_guard lock(shard.mutex);
  Slot* const slot = find_locked(shard, number_of(reply));
  if (!slot) return;
  ended = std::move(slot->call);
  shard.free.push_back(static_cast<std::uint32_t>(slot_of(number_of(reply))));
}

}  // namespace pinnate::module
