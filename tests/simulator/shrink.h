// Makes a failing run smaller: fewer tiers and fewer steps, as long as the same promise breaks.
#pragma once

#include "simulator/run.h"

#include <functional>
#include <string>

namespace pinnate::simulator {

struct Shrunk {
  PlanOverrides overrides;  // the seed with these fails too
  Violation violation;
  std::size_t steps_left = 0;
  std::size_t runs = 0;  // that it took
};

// `seed` with `overrides` must violate `violation.promise`. At most `most_runs` runs.
Shrunk shrink(std::uint64_t seed, PlanOverrides overrides, const Violation& violation, std::size_t most_runs = 600);

// "3,5-9,12"
std::string in_ranges(const std::set<std::size_t>& numbers);

}  // namespace pinnate::simulator
