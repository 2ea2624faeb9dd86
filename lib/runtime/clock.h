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

}  // namespace pinnate::runtime
