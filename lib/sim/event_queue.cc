#include "sim/event_queue.h"

#include <algorithm>
#include <utility>

namespace pinnate::sim {

void EventQueue::at(Micros when, Event event) {
  heap_.push_back({std::max(when, now_), order_++, std::move(event)});
  std::push_heap(heap_.begin(), heap_.end(), later);
}

bool EventQueue::run_next(Micros limit) {
  if (heap_.empty() || heap_.front().when > limit) {
    now_ = std::max(now_, limit);
    return false;
  }
  std::pop_heap(heap_.begin(), heap_.end(), later);
  Waiting next = std::move(heap_.back());
  heap_.pop_back();
  now_ = next.when;
  ++run_;
  next.event();
  return true;
}

}  // namespace pinnate::sim
