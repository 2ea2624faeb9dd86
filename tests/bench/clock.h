// Nanoseconds of CLOCK_MONOTONIC, the same in all processes of this machine.
#pragma once

#include <ctime>

#include <cstdint>

namespace bench {

inline std::int64_t now_ns() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return std::int64_t(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

}  // namespace bench
