// A relay, any number deep: brings desired state and artifacts down, status up, carries calls.
#pragma once

#include "tier/tier.h"

namespace pinnate::tier {

struct GatewayOptions {
  TierOptions tier;
  std::uint64_t cache_limit_bytes = 1024ull * 1024 * 1024;
  std::uint32_t forget_after_ms = 86400000;
  std::uint32_t member_hold_ms = 30000;  // for which one that no source names any more is dialled
};
std::unique_ptr<Tier> make_gateway(GatewayOptions options);

}  // namespace pinnate::tier
