// Children of fork(). One has copies of its parent's memory and descriptors, and none of its
// threads: handles that were open stay the parent's, and the child starts afresh with what there is
// one of in a process.
#pragma once

#include <pthread.h>
#include <unistd.h>

#include <mutex>

namespace pinnate {

// What is done in a child, on its only thread, before fork() returns there. `close` is the
// system's.
void start_afresh(int (*close)(int fd));

// From the first call on, forks are noticed. Any thread; cheap when called again.
inline void notice_forks() {
  static std::once_flag once;
  std::call_once(once, [] { pthread_atfork(nullptr, nullptr, [] { start_afresh(&::close); }); });
}
// How many there were between the start of the first ancestor that noticed and this process.
unsigned fork_count();

// Descriptors that are closed in children, which would keep a listener, a lock or a link alive when
// their parent is gone. Any thread; numbers beyond 65535 are let through.
void close_in_children(int fd);
// It is no longer open here. False: a fork has closed it, and its number may be another's by now.
bool forget_in_children(int fd);

class PerProcess {
 public:
  PerProcess();  // lives to the end of the process
  virtual void renew() = 0;  // in a child, on its only thread

 protected:
  ~PerProcess() = default;

 private:
  friend void start_afresh(int (*close)(int fd));
  PerProcess* next_ = nullptr;
};

// The one T of this process. That of the parent is left as it was: its lock may be held by a thread
// that is not there.
template <class T>
class OnePerProcess final : public PerProcess {
 public:
  T& get() { return *one_; }
  void renew() override { one_ = new T; }

 private:
  T* one_ = new T;
};

template <class T>
T& one_per_process() {
  static OnePerProcess<T>& one = *new OnePerProcess<T>;
  return one.get();
}

}  // namespace pinnate
