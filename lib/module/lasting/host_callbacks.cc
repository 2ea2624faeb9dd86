#include "module/lasting/host_callbacks.h"

#include "base/guarded.h"

namespace pinnate::module {

HostCallbacks::Inside::Inside(HostCallbacks& callbacks) {
  const std::lock_guard lock(callbacks.mutex_);
  if (callbacks.shut_) return;
  callbacks_ = &callbacks;
  ++callbacks.inside_;
}

HostCallbacks::Inside::~Inside() {
  if (!callbacks_) return;
  const std::lock_guard lock(callbacks_->mutex_);
  if (--callbacks_->inside_ == 0) callbacks_->empty_.notify_all();
}

void HostCallbacks::log(pinnate_log_level level, const std::string& message) {
  if (!log_.takes(level)) return;
  if (const Inside inside(*this); inside) quietly([&] { log_(level, message); });
}

void HostCallbacks::report(const Done& done, Outcome outcome) {
  if (!done) return;
  const Inside inside(*this);
  if (!inside || quietly([&] { done(std::move(outcome)); })) return;
  quietly([&] { done(no_memory()); });
}

void HostCallbacks::shut() {
  std::unique_lock lock(mutex_);
  shut_ = true;
  empty_.wait(lock, [&] { return inside_ == 0; });
}

}  // namespace pinnate::module
