// Many seeds over all cores.
#pragma once

#include "simulator/run.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace pinnate::simulator {

struct ManyResult {
  std::uint64_t runs = 0, events = 0, calls = 0, publishes = 0;
  sim::Micros virtual_time = 0, longest_rest = 0;
  ActCounts counts{}, came{};
  std::string digest;  // of the digests of all runs, in order of their seeds
  // The lowest seed that failed, with its violation. Seeds after it may not have been run.
  struct Failure {
    std::uint64_t seed;
    Violation violation;
  };
  std::optional<Failure> failure;
};

// `progress` is called now and then with the number of runs that ended, from any thread, one at a
// time.
ManyResult run_many(std::uint64_t first, std::uint64_t last, const PlanOverrides& overrides, unsigned jobs,
                    const std::function<void(std::uint64_t)>& progress = {});

}  // namespace pinnate::simulator
