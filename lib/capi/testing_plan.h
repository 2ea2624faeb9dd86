// The shape of a fleet for tests, checked and taken over: every tier that is to be made, upper ones
// first.
#pragma once

#include "base/log.h"
#include "base/names.h"
#include "base/status.h"
#include "tier/tier.h"

#include <pinnate/testing.h>

#include <cstdint>
#include <string>
#include <vector>

namespace pinnate::capi {

struct TierPlan {
  std::string name, parent;
  pinnate_role role = PINNATE_ROLE_ENGINE;
  std::uint32_t index = 0;
  Labels labels;
  std::string platform;  // of an engine
  bool durable = false;
  std::uint32_t latency_us = 0;
};

struct FleetPlan {
  std::uint64_t seed = 1;
  std::uint32_t latency_min_us = 200, latency_max_us = 2000;
  std::uint32_t forget_after_ms = 86400000;
  tier::TierOptions tier;  // what all have alike
  Log log;
  std::vector<TierPlan> tiers;
};

// All but the labels and the size.
void show(const TierPlan& tier, pinnate_testing_tier& row);

// Calls options.describe.
Result<FleetPlan> read_plan(const pinnate_testing_options* options);

}  // namespace pinnate::capi
