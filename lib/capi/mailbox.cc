#include "capi/mailbox.h"

#include <utility>

namespace pinnate::capi {

bool Mailbox::closing() const {
  std::lock_guard lock(mutex_);
  return closing_;
}

bool Mailbox::post(Post kind, std::function<void()> work) {
  std::lock_guard lock(mutex_);
  if (!reactor_ || (closing_ && kind != Post::answer)) return false;
  reactor_->post(std::move(work));
  if (kind == Post::close) closing_ = true;
  return true;
}

void Mailbox::end() {
  std::shared_ptr<runtime::Reactor> reactor;
  std::lock_guard lock(mutex_);
  closing_ = true;
  reactor.swap(reactor_);
}

}  // namespace pinnate::capi
