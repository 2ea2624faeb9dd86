#include "sim/flow.h"

#include <algorithm>
#include <utility>

namespace pinnate::sim {

void Flow::push(wire::Class priority, Buffer message) {
  queued_bytes_ += message.size();
  unsent_[std::size_t(priority)].push_back({std::move(message)});
}

void Flow::discard() {
  for (auto& lane : unsent_) lane.clear();
  queued_bytes_ = 0;
}

bool Flow::take(std::size_t most_bytes, Piece* piece) {
  for (std::size_t lane = 0; lane < unsent_.size(); ++lane) {
    if (unsent_[lane].empty()) continue;
    Unsent& next = unsent_[lane].front();
    const std::size_t bytes = std::min(most_bytes, next.message.size() - next.sent);
    next.sent += bytes;
    queued_bytes_ -= bytes;
    *piece = {};
    piece->bytes = bytes;
    piece->drained.bulk = lane == std::size_t(wire::Class::bulk) ? bytes : 0;
    piece->drained.calls = lane == std::size_t(wire::Class::call) ? bytes : 0;
    if (next.sent == next.message.size()) {
      piece->message = std::move(next.message);
      unsent_[lane].pop_front();
    }
    return true;
  }
  return false;
}

}  // namespace pinnate::sim
