// A leaf: evaluates the desired state for itself, fetches, loads, swaps services, and reports.
#pragma once

#include "tier/tier.h"

#include <memory>

namespace pinnate::tier {

struct EngineOptions {
  TierOptions tier;
  std::string platform;
  bool durable = false;  // has a state folder: it may come back under its id
};
std::unique_ptr<Tier> make_engine(EngineOptions options);

}  // namespace pinnate::tier
