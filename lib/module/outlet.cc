#include "module/outlet.h"

#include "module/guarded.h"

namespace pinnate::module {

bool Outlet::enter() {
  const std::lock_guard lock(mutex_);
  if (shut_) return false;
  ++inside_;
  return true;
}

void Outlet::leave() {
  const std::lock_guard lock(mutex_);
  if (--inside_ == 0 && shut_) empty_.notify_all();
}

void Outlet::log(pinnate_log_level level, const std::string& message) {
  if (!log_.write || level < log_.lowest) return;
  if (const Inside inside(*this); inside) quietly([&] { log_(level, message); });
}

void Outlet::report(const Done& done, Outcome outcome) {
  if (!done) return;
  const Inside inside(*this);
  if (!inside || quietly([&] { done(std::move(outcome)); })) return;
  outcome = {no_memory(), {}, {}};
  quietly([&] { done(std::move(outcome)); });
}

void Outlet::shut() {
  std::unique_lock lock(mutex_);
  shut_ = true;
  empty_.wait(lock, [&] { return inside_ == 0; });
}

}  // namespace pinnate::module
