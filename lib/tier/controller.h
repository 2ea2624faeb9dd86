// The root: owns the desired state, takes publish requests, knows the tiers below it.
#pragma once

#include "tier/tier.h"

namespace pinnate::tier {

struct ControllerOptions {
  TierOptions tier;
  std::uint64_t artifact_limit_bytes = kArtifactLimitBytes;
  std::uint32_t forget_after_ms = 86400000;
};
std::unique_ptr<Tier> make_controller(ControllerOptions options);

}  // namespace pinnate::tier
