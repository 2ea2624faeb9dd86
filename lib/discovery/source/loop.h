// What sources need of the loop that they run on. All of it on the loop's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace pinnate::discovery {

// Rings once each time that it is set, and not after it was set otherwise, cancelled or destroyed.
class Timer {
 public:
  virtual ~Timer() = default;
  virtual void set_in(std::int64_t in_ms) = 0;
  virtual void cancel() = 0;
};

// Tells its owner when a descriptor is ready, until it is destroyed, which comes before the
// descriptor is closed.
class Watch {
 public:
  virtual ~Watch() = default;
  virtual void want(bool readable, bool writable) = 0;  // neither: it rests
};

class Loop {
 public:
  virtual ~Loop() = default;
  virtual std::int64_t monotonic_ms() const = 0;
  virtual std::uint64_t random() = 0;  // not for secrets
  // Neither calls from inside this call or from inside set_in() or want(). What they call may
  // destroy them.
  virtual std::unique_ptr<Timer> timer(std::function<void()> ring) = 0;
  // Null: the system can watch no more.
  virtual std::unique_ptr<Watch> watch(int fd, std::function<void(bool readable, bool writable)> ready) = 0;
};

}  // namespace pinnate::discovery
