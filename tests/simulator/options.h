// The command line of pinnate-sim.
#pragma once

#include "simulator/plan.h"
#include "simulator/plants.h"

#include <cstdint>
#include <optional>
#include <string>

namespace pinnate::simulator {

struct Options {
  std::uint64_t first_seed = 1, last_seed = 1;
  PlanOverrides overrides;
  bool trace = false, shrink = false, hunt = false, list_plants = false, list_faults = false, help = false;
  std::optional<Plant> plant;
  unsigned jobs = 0;  // 0: one per core
};

extern const char* const kUsage;
// Fills *options; otherwise says in words what is wrong.
std::optional<std::string> read_options(int argc, char** argv, Options* options);

}  // namespace pinnate::simulator
