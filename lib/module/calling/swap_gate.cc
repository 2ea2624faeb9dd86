#include "module/calling/swap_gate.h"

#include <algorithm>
#include <functional>
#include <thread>

namespace pinnate::module {

SwapGate::~SwapGate() {
  for (Slot& slot : slots_) delete slot.load();
}

SwapGate::Slot& SwapGate::slot_of(std::string_view function) {
  return slots_[std::hash<std::string_view>()(function) % slots_.size()];
}

Pass SwapGate::enter(std::string_view function) {
  static std::atomic<std::uint32_t> next_stripe{0};
  thread_local const std::uint32_t mine = next_stripe.fetch_add(1, std::memory_order_relaxed);
  std::atomic<std::uint32_t>& readers = stripes_[mine % stripes_.size()].readers;
  const Slot& slot = slot_of(function);
  readers.fetch_add(1);  // before the bucket is read, in the order that all threads agree on
  const auto find = [&]() -> Gate* {
    if (const Bucket* bucket = slot.load())
      for (const auto& [name, gate] : *bucket)
        if (name == function) return gate;
    return nullptr;
  };
  Gate* gate = find();
  while (gate && !gate->enter()) gate = find();  // shut since: the bucket has changed
  readers.fetch_sub(1, std::memory_order_release);
  return Pass(gate);
}

void SwapGate::replace(const std::string& function, Gate* gate) {
  bool many = false;
  {
    const std::lock_guard lock(writers_);
    Slot& slot = slot_of(function);
    const Bucket* const now = slot.load();
    auto next = std::make_unique<Bucket>(now ? *now : Bucket());
    const auto found = std::find_if(next->begin(), next->end(), [&](const auto& e) { return e.first == function; });
    Gate* const replaced = found == next->end() ? nullptr : found->second;
    if (replaced == gate) return;
    if (found != next->end()) next->erase(found);
    if (gate) {
      next->emplace_back(function, gate);
      gate->open();
    }
    retired_.emplace_back(slot.exchange(next.release()));
    if (replaced) replaced->shut();
    many = retired_.size() > 64;
  }
  if (many) wait_for_readers();
}

void SwapGate::deactivate_all() {
  const std::lock_guard lock(writers_);
  for (Slot& slot : slots_) {
    const auto& before = retired_.emplace_back(slot.exchange(nullptr));
    if (!before) continue;
    for (const auto& [name, ended] : *before) ended->shut();
  }
}

void SwapGate::wait_for_readers() {
  std::vector<std::unique_ptr<const Bucket>> unread;
  {
    const std::lock_guard lock(writers_);
    unread.swap(retired_);
  }
  for (Stripe& stripe : stripes_)
    while (stripe.readers.load() != 0) std::this_thread::yield();
}

}  // namespace pinnate::module
