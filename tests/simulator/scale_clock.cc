#include "simulator/scale_clock.h"

#include <cstdio>
#include <cstring>
#include <ctime>

namespace pinnate::simulator {
namespace {

double seconds(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return double(t.tv_sec) + double(t.tv_nsec) / 1e9;
}

std::uint64_t of_status(const char* key) {
  std::FILE* file = std::fopen("/proc/self/status", "r");
  if (!file) return 0;
  char line[256];
  unsigned long long number = 0;
  while (std::fgets(line, sizeof line, file)) {
    if (std::strncmp(line, key, std::strlen(key)) == 0) std::sscanf(line + std::strlen(key), " %llu", &number);
  }
  std::fclose(file);
  return number;
}

}  // namespace

Stopwatch::Stopwatch() : wall_(seconds(CLOCK_MONOTONIC)), cpu_(seconds(CLOCK_THREAD_CPUTIME_ID)) {}
double Stopwatch::wall_s() const { return seconds(CLOCK_MONOTONIC) - wall_; }
double Stopwatch::cpu_s() const { return seconds(CLOCK_THREAD_CPUTIME_ID) - cpu_; }

std::uint64_t peak_memory() { return of_status("VmHWM:") * 1024; }  // told in KiB
std::uint64_t memory_now() { return of_status("VmRSS:") * 1024; }
std::uint64_t threads_now() { return of_status("Threads:"); }

}  // namespace pinnate::simulator
