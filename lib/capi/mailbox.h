// The way onto a handle's loop from any thread. It outlives the handle: whoever posts late finds it
// shut, not gone.
#pragma once

#include "runtime/reactor.h"

#include <functional>
#include <memory>
#include <mutex>

namespace pinnate::capi {

class Mailbox {
 public:
  explicit Mailbox(std::shared_ptr<runtime::Reactor> reactor) : reactor_(std::move(reactor)) {}

  bool closing() const;

  // False, and `work` never runs, once it is too late for it.
  enum class Post {
    request,  // of the host's, until close
    close,  // the last of the host's: everything posted before runs before
    answer,  // of the library's own jobs, also while closing, until end
  };
  bool post(Post kind, std::function<void()> work);
  // Lets go of the loop. On its thread, when nothing of the handle is left on it; or where no
  // handle came to be.
  void end();

 private:
  // Posting happens under the lock, so that a loop is never let go of in the middle of a post.
  mutable std::mutex mutex_;
  std::shared_ptr<runtime::Reactor> reactor_;
  bool closing_ = false;
};

}  // namespace pinnate::capi
