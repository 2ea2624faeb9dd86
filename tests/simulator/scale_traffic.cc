// What one release costs the controller, by the number of engines behind each of its sites.
#include "world/message_type.h"
#include "simulator/scale_fleet.h"
#include "simulator/scale_parts.h"

#include <algorithm>
#include <vector>

namespace pinnate::simulator {
namespace {

struct Cost {
  std::uint64_t messages = 0, bytes = 0;
};

Cost cost_of_release(std::uint32_t sites, std::uint32_t engines_per_site, const ScaleOptions& options,
                     ScaleReport* report) {
  sim::FleetShape shape;
  shape.sites = sites;
  shape.clusters = engines_per_site > 1 ? options.clusters : 0;
  shape.engines = engines_per_site / std::max(1u, shape.clusters);
  ScaleFleet fleet(shape, options.seed, report);
  fleet.world.advance(2000);  // whatever the links still had to say to each other
  sim::Traffic& traffic = fleet.world.traffic();
  traffic.clear();
  const bool live = fleet.roll_out(scale_module("scaled", "1", options.bytes));
  if (!live || !fleet.count_becomes(fleet.engines())) report->broken("not every engine was live, and counted so");
  fleet.world.advance(1000);
  fleet.check(report);
  Cost cost;
  std::string by_type;
  for (std::uint8_t type = 1; type < 128; ++type) {
    sim::Tally tally = traffic.sent(fleet.controller(), type);
    tally += traffic.received(fleet.controller(), type);
    if (tally.messages == 0) continue;
    cost.messages += tally.messages;
    cost.bytes += tally.bytes;
    by_type +=
        std::string(by_type.empty() ? "" : ", ") + std::to_string(tally.messages) + " " + wire::type_name(type);
  }
  report->say("%u sites with %u engines each: %llu messages, %llu bytes at the controller (%s)", sites,
              engines_per_site, (unsigned long long)cost.messages, (unsigned long long)cost.bytes, by_type.c_str());
  return cost;
}

}  // namespace

void scale_traffic(const ScaleOptions& options, ScaleReport* report) {
  const std::uint32_t sites = options.sites.value_or(10);
  const std::uint32_t most = options.engines ? std::max(1u, *options.engines / sites) : 1000;
  std::vector<Cost> costs;
  for (std::uint32_t engines = 1; engines <= most; engines *= 10)
    costs.push_back(cost_of_release(sites, engines, options, report));
  report->reach("traffic.messages_ratio", double(costs.back().messages) / double(costs.front().messages), 1.5);
  report->reach("traffic.bytes_ratio", double(costs.back().bytes) / double(costs.front().bytes), 1.5);
}

}  // namespace pinnate::simulator
