#include "module/swap_gate.h"

#include <thread>

namespace pinnate::module {

SwapGate::SwapGate() : table_(new Table) {}
SwapGate::~SwapGate() { delete table_.load(); }

std::atomic<std::uint32_t>& SwapGate::my_stripe() {
  static std::atomic<std::uint32_t> next{0};
  thread_local const std::uint32_t mine = next.fetch_add(1, std::memory_order_relaxed);
  return stripes_[mine % stripes_.size()].readers;
}

Pass SwapGate::enter(std::string_view function) {
  std::atomic<std::uint32_t>& readers = my_stripe();
  readers.fetch_add(1);  // before the table is read, in the order that all threads agree on
  Doorway* entered = nullptr;
  for (;;) {
    const Table& table = *table_.load();
    const auto found = table.find(function);
    if (found == table.end()) break;
    if (found->second->enter()) {
      entered = found->second;
      break;
    }
    // Shut between our look and our step: the table has changed by now.
  }
  readers.fetch_sub(1, std::memory_order_release);
  return Pass(entered);
}

// Called with writers_ held.
void SwapGate::publish(std::unique_ptr<const Table> table) { retired_.emplace_back(table_.exchange(table.release())); }

void SwapGate::activate(const std::string& function, Doorway& doorway) {
  bool many = false;
  {
    const std::lock_guard lock(writers_);
    const Table& now = *table_.load();
    const auto found = now.find(function);
    Doorway* replaced = found == now.end() ? nullptr : found->second;
    if (replaced == &doorway) return;
    auto next = std::make_unique<Table>(now);
    (*next)[function] = &doorway;
    doorway.open();
    publish(std::move(next));
    if (replaced) replaced->shut();
    many = retired_.size() > 64;
  }
  if (many) wait_for_readers();
}

void SwapGate::deactivate(const std::string& function) {
  const std::lock_guard lock(writers_);
  const Table& now = *table_.load();
  const auto found = now.find(function);
  if (found == now.end()) return;
  Doorway* ended = found->second;
  auto next = std::make_unique<Table>(now);
  next->erase(function);
  publish(std::move(next));
  ended->shut();
}

void SwapGate::deactivate(const Doorway& doorway) {
  std::string function;
  {
    const std::lock_guard lock(writers_);
    for (const auto& [name, active] : *table_.load())
      if (active == &doorway) function = name;
  }
  if (!function.empty()) deactivate(function);
}

void SwapGate::deactivate_all() {
  const std::lock_guard lock(writers_);
  const Table& before = *table_.load();
  publish(std::make_unique<const Table>());
  for (const auto& [name, ended] : before) ended->shut();  // `before` is retired, not freed
}

void SwapGate::wait_for_readers() {
  std::vector<std::unique_ptr<const Table>> unread;
  {
    const std::lock_guard lock(writers_);
    unread.swap(retired_);
  }
  for (Stripe& stripe : stripes_)
    while (stripe.readers.load() != 0) std::this_thread::yield();
}

}  // namespace pinnate::module
