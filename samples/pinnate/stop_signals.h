// SIGINT and SIGTERM as something to wait for. Make one before any other thread starts.
#pragma once

#include <stop_token>
#include <thread>

namespace cli {

// For a tier in the foreground: the first signal ends wait(), the second ends the process at once.
// Signals are handled and not blocked: what a module starts inherits blocked and ignored ones, and
// could not be ended by them.
class StopSignals {
 public:
  StopSignals();
  void wait();
};

// For work that a signal should break off, by blocking signals in all threads: the first signal requests a stop, the second ends the
// process at once.
class StopOnSignal {
 public:
  StopOnSignal();
  ~StopOnSignal();
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;

  std::stop_token token() const { return source_.get_token(); }

 private:
  std::stop_source source_;
  std::jthread thread_;
};

}  // namespace cli
