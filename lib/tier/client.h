// A host that asks and orders over one link without being a tier: passes the host's requests on,
// and the answers back.
#pragma once

#include "tier/tier.h"

#include <memory>

namespace pinnate::tier {

struct ClientOptions {
  TierOptions tier;
  std::uint32_t connect_timeout_ms = 5000;
};
std::unique_ptr<Tier> make_client(ClientOptions options);

}  // namespace pinnate::tier
