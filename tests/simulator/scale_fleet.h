// A fleet to be measured: built, linked, and published to.
#pragma once

#include "simulator/scale_report.h"
#include "world/fleet_shape.h"
#include "world/test_world.h"

#include <cstdint>
#include <functional>
#include <string>

namespace pinnate::simulator {

class ScaleFleet {
 public:
  // Every engine is linked when this returns, and the controller knows so.
  ScaleFleet(const sim::FleetShape& shape, std::uint64_t seed, ScaleReport* report,
             const sim::NetworkOptions& network = {});

  sim::TestWorld world;
  sim::Fleet fleet;

  std::uint32_t engines() const { return static_cast<std::uint32_t>(fleet.engines.size()); }
  sim::MachineId controller() const { return controller_; }

  // Publishes and waits until every engine serves it; false: not within the limit.
  bool roll_out(const sim::Module& module, std::int64_t limit_ms = 3600000);
  // Until the controller counts this many engines as live of the newest release, and as online.
  bool count_becomes(std::uint64_t live, std::int64_t limit_ms = 3600000);
  // Every engine serves this version, by what the world knows.
  bool all_serve(const std::string& function, const std::string& version) const;
  // What the tiers did that they may not, as broken promises.
  void check(ScaleReport* report);

  // Sees every occurrence besides what this class looks for.
  std::function<void(const sim::Occurrence&)> also;

 private:
  sim::MachineId controller_ = 0;
  std::uint64_t activations_ = 0;
};

// Bytes that belong to this name and version alone, and do not compress.
sim::Module scale_module(const std::string& name, const std::string& version, std::uint64_t bytes);

double virtual_s(sim::Micros from, sim::Micros to);
double mib(std::uint64_t bytes);

}  // namespace pinnate::simulator
