// Calls to be measured, and how they went, as words between the processes.
#pragma once

#include "measured_calls.h"
#include "tier_protocol.h"

#include <cstdio>

namespace bench {

inline CallLoad read_load(const Words& words) {
  return {"bench", std::stoull(words.at(0)), std::stoull(words.at(1)), std::stoull(words.at(2)),
          std::stoull(words.at(3))};
}

inline void answer_times(const CallTimes& times) {
  char text[160];
  std::snprintf(text, sizeof text, "%.9f %.3f %.3f", times.seconds, times.p50_us, times.p99_us);
  answer({"called", text, std::to_string(times.failed), times.first_failure});
}

}  // namespace bench
