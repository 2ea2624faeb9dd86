// A thread of the library's own: named, and with every signal blocked, so that a host's handlers run on the host's
// threads. Nobody waits for it where waiting could block a loop: one that was told to leave is joined later, when the
// next thread starts or when the library goes (process exit, dlclose), then for at most a second.
#pragma once

#include <functional>
#include <memory>

namespace pinnate::runtime {

class Thread {
 public:
  // Null when the system has no thread to give. `name` is cut to 15 characters. `main` must not throw.
  static std::shared_ptr<Thread> start(const char* name, std::function<void()> main);
  virtual ~Thread() = default;

  // `main` has been told to end and will, soon. Any thread, this one too. Once.
  virtual void leave() = 0;
};

}  // namespace pinnate::runtime
