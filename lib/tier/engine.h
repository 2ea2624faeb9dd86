// A leaf: evaluates the desired state for itself, fetches, loads, swaps services, and reports.
#pragma once

#include "tier/tier.h"

#include <set>

namespace pinnate::tier {

struct EngineOptions {
  TierOptions tier;
  std::string platform;
  std::set<std::string> loaders{};  // the kinds that it has; none: any
  bool durable = false;  // has a state folder: it may come back under its id
  bool ephemeral = false;  // does not come back under its id
  bool operator==(const EngineOptions&) const = default;
};
std::unique_ptr<Tier> make_engine(EngineOptions options);

// Where the reasons are more than a message may be, they share what room there is.
void fit_message(wire::EngineStatus* status);

}  // namespace pinnate::tier
