// Children of fork(). One has copies of its parent's memory and descriptors, and none of its
// threads: handles that were open stay the parent's, and the child starts afresh with what there is
// one of in a process.
#pragma once

#include <unistd.h>

#include <atomic>
#include <mutex>

namespace pinnate {

// How many forks there were between the start of the first ancestor that had this library loaded
// and this process.
unsigned fork_count();

// Forks wait while there is one, so that no child has half of what is done meanwhile. Any thread,
// one of these at a time. For what is short.
class ForksWait {
 public:
  ForksWait();
  ~ForksWait();
  ForksWait(const ForksWait&) = delete;
};

// A library below has locks that threads share, which a child would find locked by a thread that is
// not there. From now on `hold`(true) takes them before each fork, and `hold`(false) lets go of
// them in parent and child. Once for each, with ForksWait.
void hold_during_forks(void (*hold)(bool held));

// Descriptors that are closed in children, which would keep a listener, a lock or a link alive when
// their parent is gone. Any thread; numbers beyond 65535 are let through.
void close_in_children(int fd, int (*close)(int fd) = &::close);
// It is no longer open here. False: a fork has closed it, and its number may be another's by now.
bool forget_in_children(int fd);

class PerProcess {
 public:
  virtual void renew() = 0;  // in a child, on its only thread

 protected:
  void enlist();  // it lives to the end of the process
  ~PerProcess() = default;

 private:
  friend void renew_in_child();
  PerProcess* next_ = nullptr;
};

// The one T of this process. That of the parent is left as it was: its lock may be held by a thread
// that is not there.
template <class T>
class OnePerProcess final : public PerProcess {
 public:
  OnePerProcess() { enlist(); }
  T& get() { return *one_; }
  void renew() override { one_ = new T; }

 private:
  T* one_ = new T;
};

template <class T>
T& one_per_process() {
  // No static object of the language's: in a child its guard may be a thread's that is not there.
  static constinit std::atomic<OnePerProcess<T>*> one{nullptr};
  OnePerProcess<T>* made = one.load(std::memory_order_acquire);
  if (!made) {
    const ForksWait whole;
    made = one.load(std::memory_order_relaxed);
    if (!made) one.store(made = new OnePerProcess<T>, std::memory_order_release);
  }
  return made->get();
}

}  // namespace pinnate
