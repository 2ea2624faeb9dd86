// What a run takes of this machine: wall time, processor time of this thread, memory.
#pragma once

#include <cstdint>

namespace pinnate::simulator {

class Stopwatch {
 public:
  Stopwatch();
  double wall_s() const;
  double cpu_s() const;

 private:
  double wall_, cpu_;
};

// Highest resident size of the process so far, and now; in bytes.
std::uint64_t peak_memory();
std::uint64_t memory_now();
// Threads of the process now.
std::uint64_t threads_now();

}  // namespace pinnate::simulator
