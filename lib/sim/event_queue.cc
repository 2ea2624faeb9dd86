#include "sim/event_queue.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace pinnate::sim {

EventQueue::EventQueue() {
  buckets_.reserve(kBuckets);  // where they stay: a copy would have room of its own
  for (std::size_t i = 0; i < kBuckets; ++i) buckets_.push_back({std::pmr::deque<Waiting>(&room_)});
}

EventQueue::Bucket& EventQueue::bucket_of(Micros when) {
  return buckets_[std::size_t(std::bit_width(static_cast<std::uint64_t>(when) ^ static_cast<std::uint64_t>(base_)))];
}

void EventQueue::put(Waiting waiting) {
  Bucket& bucket = bucket_of(waiting.when);
  bucket.earliest = std::min(bucket.earliest, waiting.when);
  bucket.events.push_back(std::move(waiting));
}

void EventQueue::at(Micros when, Event event) { put({std::max(when, now_), std::move(event)}); }

bool EventQueue::run_next(Micros limit) {
  if (next_ == buckets_[0].events.size()) {
    buckets_[0].events.clear();
    buckets_[0].earliest = std::numeric_limits<Micros>::max();
    next_ = 0;
    const auto first =
        std::find_if(buckets_.begin(), buckets_.end(), [](const Bucket& b) { return !b.events.empty(); });
    if (first == buckets_.end() || first->earliest > limit) {
      now_ = std::max(now_, limit);
      return false;
    }
    base_ = first->earliest;
    std::pmr::deque<Waiting> moved(&room_);
    moved.swap(first->events);
    first->earliest = std::numeric_limits<Micros>::max();
    for (Waiting& waiting : moved) put(std::move(waiting));
  }
  if (base_ > limit) {
    now_ = std::max(now_, limit);
    return false;
  }
  const Event event = std::exchange(buckets_[0].events[next_++].event, {});
  now_ = base_;
  ++run_;
  event();
  return true;
}

}  // namespace pinnate::sim
