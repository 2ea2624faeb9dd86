// The two times that a driver tells its tier.
#pragma once

#include "tier/tier.h"

#include <time.h>
#include <uv.h>

#include <cstdint>

namespace pinnate::runtime {

// On the same scale as uv_now.
inline std::int64_t monotonic_ms() { return static_cast<std::int64_t>(uv_hrtime() / 1000000); }

inline tier::Now now() {
  timespec wall{};
  clock_gettime(CLOCK_REALTIME, &wall);
  return {monotonic_ms(), std::int64_t(wall.tv_sec) * 1000 + wall.tv_nsec / 1000000};
}

// On a thread of the host's.
inline void pause_ms(std::uint32_t ms) {
  timespec time{static_cast<time_t>(ms / 1000), static_cast<long>(ms % 1000) * 1000000};
  nanosleep(&time, nullptr);
}

}  // namespace pinnate::runtime
