// What reaches the controller when all engines of one gateway reconnect at once, because it
// restarted.
#include "world/message_type.h"
#include "simulator/scale_fleet.h"
#include "simulator/scale_parts.h"

#include <algorithm>

namespace pinnate::simulator {
namespace {

std::uint64_t messages_of_restart(std::uint32_t engines, bool behind_cluster, std::int64_t down_ms,
                                  const ScaleOptions& options, ScaleReport* report) {
  sim::FleetShape shape;
  shape.sites = 1;
  shape.clusters = behind_cluster ? 1 : 0;
  shape.engines = engines;
  ScaleFleet fleet(shape, options.seed, report);
  if (!fleet.roll_out(scale_module("scaled", "1", options.bytes)) || !fleet.count_becomes(engines))
    report->broken("not every engine was live, and counted so");
  fleet.world.advance(2000);

  const std::string gateway = behind_cluster ? fleet.fleet.clusters[0] : fleet.fleet.sites[0];
  fleet.world.crash(gateway);
  fleet.world.advance(down_ms);
  const sim::Micros restarted = fleet.world.now();
  sim::Traffic& traffic = fleet.world.traffic();
  traffic.clear();
  fleet.world.restart(gateway);
  const auto reconnected = [&] {
    return fleet.world.network().peers(fleet.world.at(gateway).id()).size() == engines + 1;
  };
  if (!fleet.world.run_until(reconnected, 600000)) report->broken("not every engine reconnected");
  fleet.world.advance(10);  // their status is on its way up
  if (!fleet.count_becomes(engines)) report->broken("the controller does not count every engine as live again");
  const double counted_s = virtual_s(restarted, fleet.world.now());
  fleet.world.advance(2000);
  fleet.check(report);
  std::string by_type;
  for (std::uint8_t type = 1; type < 128; ++type) {
    const sim::Tally tally = traffic.received(fleet.controller(), type);
    if (tally.messages > 0)
      by_type +=
          std::string(by_type.empty() ? "" : ", ") + std::to_string(tally.messages) + " " + wire::type_name(type);
  }
  const std::uint64_t messages = traffic.received(fleet.controller()).messages;
  report->say(
      "%s gateway down for %lld ms, %u engines reconnect and are counted live after %.3f s: %llu messages to the "
      "controller (%s)",
      behind_cluster ? "container" : "node", (long long)down_ms, engines, counted_s, (unsigned long long)messages,
      by_type.c_str());
  return messages;
}

}  // namespace

void scale_restart(const ScaleOptions& options, ScaleReport* report) {
  const std::uint32_t engines = options.engines.value_or(1000);
  for (const bool behind_cluster : {false, true}) {
    for (const std::int64_t down_ms : {0, 100, 1000, 5000}) {
      const std::uint64_t messages = messages_of_restart(engines, behind_cluster, down_ms, options, report);
      report->reach(std::string("restart.") + (behind_cluster ? "container" : "node") + "." + std::to_string(down_ms) +
                        "ms.messages",
                    double(messages), 10);
    }
  }
}

}  // namespace pinnate::simulator
