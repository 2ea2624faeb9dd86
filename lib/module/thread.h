// A thread of the library's own. It takes none of the host's signals, cannot be cancelled, and can be left behind: a module may hold it for
// ever, so whatever its body uses must be owned by the body.
#pragma once

#include "base/status.h"

#include <chrono>
#include <functional>
#include <memory>

namespace pinnate::module {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

// A limit for waiting for threads, also where others have used it up: those that no module holds end within it.
TimePoint at_least_time_to_end(TimePoint limit);

class Thread {
 public:
  Thread();
  ~Thread();  // leaves it behind unless it was joined
  Thread(Thread&&) noexcept;
  Thread& operator=(Thread&&) noexcept;

  // `name`: a literal of at most 15 characters, shown by ps and debuggers.
  static Result<Thread> start(const char* name, std::function<void()> body);

  bool started() const { return state_ != nullptr; }
  bool is_current() const;
  // True when it has ended by then and is joined; false: it still runs. Destructors of a module's thread_local objects count
  // as running.
  bool join_until(TimePoint limit);
  bool join_if_ended();  // the same, at once
  void leave_behind();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace pinnate::module
