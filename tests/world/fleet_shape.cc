#include "world/fleet_shape.h"

namespace pinnate::sim {

Fleet build_fleet(World& world, const FleetShape& shape) {
  Fleet fleet;
  fleet.controller = "c";
  world.add_controller(fleet.controller, shape.controller);
  const auto add_engines = [&](const std::string& gateway) {
    for (std::uint32_t e = 0; e < shape.engines; ++e) {
      const std::string engine = gateway + ".e" + std::to_string(e);
      MachineOptions host;
      host.listens = false;
      world.add_engine(engine, shape.engine, host);
      world.dial_up(engine, gateway);
      fleet.engines.push_back(engine);
    }
  };
  for (std::uint32_t s = 0; s < shape.sites; ++s) {
    const std::string site = "s" + std::to_string(s);
    world.add_gateway(site, shape.gateway);
    world.dial_up(site, fleet.controller);
    fleet.sites.push_back(site);
    if (shape.clusters == 0) add_engines(site);
    for (std::uint32_t k = 0; k < shape.clusters; ++k) {
      const std::string cluster = site + ".k" + std::to_string(k);
      world.add_gateway(cluster, shape.gateway);
      world.dial_up(cluster, site);
      fleet.clusters.push_back(cluster);
      add_engines(cluster);
    }
  }
  return fleet;
}

}  // namespace pinnate::sim
