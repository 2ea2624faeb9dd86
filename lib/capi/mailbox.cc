#include "capi/mailbox.h"

#include <utility>

namespace pinnate::capi {

bool Mailbox::closing() const {
  std::lock_guard lock(mutex_);
  return closing_;
}

bool Mailbox::post(std::function<void()> work) {
  std::lock_guard lock(mutex_);
  if (closing_ || !reactor_) return false;
  reactor_->post(std::move(work));
  return true;
}

bool Mailbox::close(std::function<void()> work) {
  std::lock_guard lock(mutex_);
  if (closing_ || !reactor_) return false;
  reactor_->post(std::move(work));
  closing_ = true;
  return true;
}

bool Mailbox::answer(std::function<void()> work) {
  std::lock_guard lock(mutex_);
  if (!reactor_) return false;
  reactor_->post(std::move(work));
  return true;
}

void Mailbox::end() {
  std::shared_ptr<runtime::Reactor> reactor;
  std::lock_guard lock(mutex_);
  closing_ = true;
  reactor.swap(reactor_);
}

}  // namespace pinnate::capi
