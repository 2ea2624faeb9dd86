// What one run is going to be, drawn from its seed before it begins: the fleet's shape and a list
// of steps. A step names its act and holds numbers that choose on whom, so that a run with steps
// left out is a run too: that is how a failure is made smaller.
#pragma once

#include "simulator/acts.h"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace pinnate::simulator {

struct Step {
  std::uint32_t wait_ms = 0;  // before it
  Act act = Act::relief;
  std::uint64_t draws[4] = {};
  // What a source of members does beside it, if anything.
  std::optional<Act> source;
  std::uint64_t source_draw = 0;
};

struct Plan {
  std::uint64_t seed = 1;
  std::uint32_t nodes = 2, depth = 2, clusters = 1,
                engines = 2;  // clusters per gateway above; engines per lowest gateway
  std::uint32_t heartbeat_ms = 5000, forget_after_ms = 600000;
  bool through_mux = false;  // messages pass real frames, so that a reset falls between any two bytes
  std::vector<Step> steps;
  std::set<std::size_t> skipped;  // steps, by place, that are left out

  std::uint32_t lowest_gateways() const;
};

// What the command line says beside the seed.
struct PlanOverrides {
  std::optional<std::uint32_t> nodes, depth, clusters, engines, steps;
  std::optional<std::set<Act>> faults;  // the allowed ones; none: all
  std::set<std::size_t> skipped;
};

Plan draw_plan(std::uint64_t seed, const PlanOverrides& overrides);

}  // namespace pinnate::simulator
