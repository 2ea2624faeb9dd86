// From publish to the last engine live, with what it takes of this machine.
#include "simulator/scale_clock.h"
#include "simulator/scale_fleet.h"
#include "simulator/scale_parts.h"

#include <algorithm>

namespace pinnate::simulator {

void scale_fleet(const ScaleOptions& options, ScaleReport* report) {
  const std::uint32_t engines = options.engines.value_or(100000);
  const std::uint32_t sites = std::min(options.sites.value_or(std::max(1u, engines / 100)), engines);
  sim::FleetShape shape;
  shape.sites = sites;
  shape.clusters = options.clusters;
  shape.engines = engines / sites / std::max(1u, options.clusters);
  ScaleFleet fleet(shape, options.seed, report);

  const sim::Module module = scale_module("scaled", "1", options.bytes);
  const sim::Micros published = fleet.world.now();
  const std::uint64_t events = fleet.world.events_run();
  const Stopwatch watch;
  const bool live = fleet.roll_out(module);
  const double wall = watch.wall_s(), cpu = watch.cpu_s();
  const std::uint64_t took = fleet.world.events_run() - events;
  report->say(
      "from publish to the last of %u engines live: %.1f s of wall time, cpu %.1f s, %.3f s of virtual time, %llu "
      "events, "
      "artifact of %llu bytes",
      fleet.engines(), wall, cpu, virtual_s(published, fleet.world.now()), (unsigned long long)took,
      (unsigned long long)options.bytes);
  if (!live || !fleet.all_serve("scaled", "1")) report->broken("not every engine serves what was published");
  if (!fleet.count_becomes(fleet.engines())) report->broken("the controller does not count every engine as live");
  report->say("the controller counts them all after %.3f s of virtual time", virtual_s(published, fleet.world.now()));
  fleet.check(report);

  const bool large = engines > 100000;
  const std::string name = "fleet." + std::to_string(fleet.engines());
  report->reach(name + ".wall_s", wall, large ? 600 : 60);
  report->reach(name + ".peak_mib", mib(peak_memory()), large ? 16 * 1024 : 4 * 1024);
  report->reach(name + ".threads", double(threads_now()), 1);  // all of it on one core
}

}  // namespace pinnate::simulator
