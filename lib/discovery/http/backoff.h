// How long to wait before trying again: twice as long each time, half of it by chance, so that
// those who lost one server do not come back to it together.
#pragma once

#include "discovery/source/loop.h"

#include <algorithm>
#include <cstdint>

namespace pinnate::discovery {

class Backoff {
 public:
  Backoff(Loop& loop, std::int64_t least_ms, std::int64_t most_ms)
      : loop_(loop), least_ms_(least_ms), most_ms_(most_ms), now_ms_(least_ms) {}

  std::int64_t next_ms() {
    const std::int64_t half_ms = now_ms_ / 2;
    now_ms_ = std::min(now_ms_ * 2, most_ms_);
    return half_ms + static_cast<std::int64_t>(loop_.random() % static_cast<std::uint64_t>(half_ms + 1));
  }
  void reset() { now_ms_ = least_ms_; }

 private:
  Loop& loop_;
  const std::int64_t least_ms_, most_ms_;
  std::int64_t now_ms_;
};

}  // namespace pinnate::discovery
