// Virtual time: what is to happen, in order of time and, at one time, in the order it was asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace pinnate::sim {

using Micros = std::int64_t;
inline constexpr Micros kMillisecond = 1000;
inline constexpr Micros kSecond = 1000 * kMillisecond;

class EventQueue {
 public:
  using Event = std::function<void()>;

  Micros now() const { return now_; }
  std::uint64_t events_run() const { return run_; }

  // An event for a time that has passed happens now, after all others of now.
  void at(Micros when, Event event);
  void after(Micros delay, Event event) { at(now_ + delay, std::move(event)); }

  // Runs the next event if it is not later than `limit`; false: there is none, and time stands at `limit`.
  bool run_next(Micros limit);

 private:
  struct Waiting {
    Micros when;
    std::uint64_t order;
    Event event;
  };
  static bool later(const Waiting& a, const Waiting& b) {
    return a.when != b.when ? a.when > b.when : a.order > b.order;
  }

  Micros now_ = 0;
  std::uint64_t order_ = 0, run_ = 0;
  std::vector<Waiting> heap_;
};

}  // namespace pinnate::sim
