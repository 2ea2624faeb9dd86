// Virtual time: what is to happen, by time, and at one time in the order it was asked for.
//
// A radix heap: events wait in buckets by the highest bit in which their time differs from that of
// the bucket that is being emptied, and move from one to another a few times each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <memory_resource>
#include <vector>

namespace pinnate::sim {

using Micros = std::int64_t;
inline constexpr Micros kMillisecond = 1000;
inline constexpr Micros kSecond = 1000 * kMillisecond;

class EventQueue {
 public:
  using Event = std::function<void()>;

  EventQueue();
  Micros now() const { return now_; }
  std::uint64_t events_run() const { return run_; }

  // An event for a time that has passed happens now, after all others of now.
  void at(Micros when, Event event);
  void after(Micros delay, Event event) { at(now_ + delay, std::move(event)); }

  // Runs the next event up to `limit`; false: there is none, and time stands at `limit`.
  bool run_next(Micros limit);

 private:
  struct Waiting {
    Micros when;
    Event event;
  };
  // Events of one time are always in one bucket, and stay in the order they were asked for.
  struct Bucket {
    std::pmr::deque<Waiting> events;  // which is never moved as it grows
    Micros earliest = std::numeric_limits<Micros>::max();
  };
  static constexpr std::size_t kBuckets = 65;
  Bucket& bucket_of(Micros when);
  void put(Waiting waiting);

  Micros now_ = 0;
  Micros base_ = 0;  // no event waits for an earlier time; those of bucket 0 are for just this one
  std::size_t next_ = 0;  // in bucket 0: those before have run
  std::uint64_t run_ = 0;
  std::pmr::unsynchronized_pool_resource room_;  // which the buckets leave to each other
  std::vector<Bucket> buckets_;
};

}  // namespace pinnate::sim
