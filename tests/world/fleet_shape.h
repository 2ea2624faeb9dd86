// A fleet of the usual shape: a controller "c", sites "s0".. behind node gateways, clusters
// "s0.k0".. behind container gateways, engines "s0.k0.e0"... Lower tiers dial upper ones.
#pragma once

#include "sim/world.h"

#include <cstdint>
#include <string>
#include <vector>

namespace pinnate::sim {

struct FleetShape {
  std::uint32_t sites = 2, clusters = 2, engines = 3;  // clusters 0: engines stand right below the site
  tier::ControllerOptions controller;
  tier::GatewayOptions gateway;
  tier::EngineOptions engine;
};

struct Fleet {
  std::string controller;
  std::vector<std::string> sites, clusters, engines;
};

Fleet build_fleet(World& world, const FleetShape& shape);

}  // namespace pinnate::sim
