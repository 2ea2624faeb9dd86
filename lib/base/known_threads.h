// Threads that are no module's: the library's own, and those that have called a module through it.
// What they have left on their stacks says nothing of where they are.
#pragma once

#include <sys/types.h>

#include <set>

namespace pinnate {

// Stands on a thread that is known, until that ends.
class KnownThread {
 public:
  KnownThread();
  ~KnownThread();
  KnownThread(const KnownThread&) = delete;
  KnownThread& operator=(const KnownThread&) = delete;

  // Of a thread of the host's, from its first call on. Cheap when called again.
  static void remember_this() { thread_local const KnownThread known; }

 private:
  const pid_t id_;
};

std::set<pid_t> known_threads();

}  // namespace pinnate
