// A thread of the library's own (see base/thread.h) that somebody joins, though its user may be it
// itself. One that was told to leave is joined by join_leaving, when the next thread starts, or
// when the library goes (process exit, dlclose), then for at most a second and before the libraries
// below it clean up.
#pragma once

#include "base/thread.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

namespace pinnate::runtime {

class JoinedThread {
 public:
  // Null when the system has no thread to give. `name` is cut to 15 characters. `main` must not
  // throw.
  static std::shared_ptr<JoinedThread> start(const char* name, std::function<void()> main);

  // `main` has been told to end and will. Any thread, this one too. Once. `soon`: within
  // milliseconds, so that others may wait for it.
  void leave(bool soon) { leaving_ = soon ? Leaving::soon : Leaving::late; }

  // Waits, at most `limit_ms`, until those that leave soon have gone, the calling one excepted. Any
  // thread.
  static void join_leaving(std::uint32_t limit_ms) { join_leaving(limit_ms, false); }

 private:
  struct Roll;
  static void join_leaving(std::uint32_t limit_ms, bool all);

  enum class Leaving { no, late, soon };
  Thread thread_;
  std::atomic<Leaving> leaving_{Leaving::no};
};

}  // namespace pinnate::runtime
