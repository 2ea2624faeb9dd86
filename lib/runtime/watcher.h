// Tells when a descriptor is ready: libuv's uv_poll_t, which lives on by itself until libuv lets it go.
#pragma once

#include "base/status.h"
#include "runtime/reactor.h"

namespace pinnate::runtime {

class Watcher {
 public:
  // Whoever is told; the watcher's owner, so that a link needs no allocation for it.
  class Owner {
   public:
    // `error`: the descriptor has an error, and is no longer watched. Both false and `error` false does not happen.
    // Must not throw.
    virtual void ready(bool readable, bool writable, bool error) noexcept = 0;

   protected:
    ~Owner() = default;
  };

  Watcher() = default;
  Watcher(const Watcher&) = delete;
  ~Watcher() { close(); }

  // Once. PINNATE_IO when the system can watch no more.
  Status open(Reactor& reactor, int fd, Owner* owner);
  // What to wait for from now on. Cheap when nothing changes.
  void want(bool readable, bool writable);
  // Nothing is told any more; the descriptor may be closed at once.
  void close();

 private:
  struct Poll;
  Poll* poll_ = nullptr;
};

}  // namespace pinnate::runtime
