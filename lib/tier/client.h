// A host that asks and orders over one link, without being a tier.
#pragma once

#include "tier/tier.h"

namespace pinnate::tier {

struct ClientOptions {
  TierOptions tier;
  std::uint32_t connect_timeout_ms = 5000;
};
std::unique_ptr<Tier> make_client(ClientOptions options);

}  // namespace pinnate::tier
