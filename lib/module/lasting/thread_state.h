// What belongs to a thread and a module may change: put back when its function returns.
#pragma once

#include <pthread.h>
#include <signal.h>

#include <cfenv>
#include <cstdint>

namespace pinnate::module {

// How the thread computes: rounding, traps, and on x86 whether denormals are flushed to zero, which
// code built with -ffast-math turns on for whoever loads it. The exceptions that were raised are
// nobody's to put back.
class FloatingPoint {
 public:
  FloatingPoint() { read(*this); }
  ~FloatingPoint() { put_back(); }
  FloatingPoint(const FloatingPoint&) = delete;
  FloatingPoint& operator=(const FloatingPoint&) = delete;

 private:
#ifdef __x86_64__
  // By two instructions instead of fegetenv: this stands around each call.
  static constexpr std::uint32_t kRaised = 0x3f;
  static void read(FloatingPoint& to) {
    __asm__ volatile("stmxcsr %0" : "=m"(to.sse_));
    __asm__ volatile("fnstcw %0" : "=m"(to.x87_));
  }
  void put_back() const {
    std::uint32_t sse = 0;
    std::uint16_t x87 = 0;
    __asm__ volatile("stmxcsr %0" : "=m"(sse));
    __asm__ volatile("fnstcw %0" : "=m"(x87));
    if ((sse & ~kRaised) != (sse_ & ~kRaised)) __asm__ volatile("ldmxcsr %0" : : "m"(sse_));
    if (x87 != x87_) __asm__ volatile("fldcw %0" : : "m"(x87_));
  }
  std::uint32_t sse_ = 0;
  std::uint16_t x87_ = 0;
#else
  static void read(FloatingPoint& to) { std::fegetenv(&to.environment_); }
  void put_back() const { std::fesetenv(&environment_); }
  std::fenv_t environment_;
#endif
};

// Of a thread of the library's, before it runs a module's code: the library's own mask would be
// inherited by each process that the module starts. It stays so to the thread's end, since a
// collector may know the thread by then, and stop it by a signal.
inline void take_signal_mask(const sigset_t& mask) { pthread_sigmask(SIG_SETMASK, &mask, nullptr); }

// All of it: around what runs on the library's threads.
class ThreadState {
 public:
  ThreadState() {
    pthread_sigmask(SIG_SETMASK, nullptr, &mask_);
    sigaltstack(nullptr, &stack_);
  }
  ~ThreadState() {
    pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
    stack_t now;
    if (sigaltstack(nullptr, &now) != 0 || (now.ss_sp == stack_.ss_sp && now.ss_flags == stack_.ss_flags)) return;
    sigaltstack(&stack_, nullptr);
  }
  ThreadState(const ThreadState&) = delete;
  ThreadState& operator=(const ThreadState&) = delete;

 private:
  const FloatingPoint floating_point_;
  sigset_t mask_;
  stack_t stack_;
};

}  // namespace pinnate::module
