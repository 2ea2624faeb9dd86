#include "simulator/scale_fleet.h"

#include "simulator/module_bytes.h"
#include "simulator/scale_clock.h"

#include <algorithm>

namespace pinnate::simulator {

ScaleFleet::ScaleFleet(const sim::FleetShape& shape, std::uint64_t seed, ScaleReport* report,
                       const sim::NetworkOptions& network)
    : world(sim::WorldOptions{seed, network, {}}) {
  world.traffic().per_link = world.traffic().per_chunk = false;
  world.trace().observer = [this](const sim::Occurrence& o) {
    if (o.what == sim::What::activated) ++activations_;
    if (also) also(o);
  };
  const Stopwatch watch;
  const std::uint64_t before = memory_now();
  fleet = sim::build_fleet(world, shape);
  controller_ = world.at(fleet.controller).id();
  world.traffic().counted_below = controller_ + 1;
  const double built_wall = watch.wall_s(), built_cpu = watch.cpu_s();
  if (!world.run_until([this] { return world.network().connections() >= fleet.sites.size(); }, 1000))
    report->broken("nobody dials");
  const bool linked = count_becomes(0);
  if (!linked) report->broken("not every engine was linked and counted within an hour of virtual time");
  const std::uint64_t grown = memory_now() - std::min(before, memory_now());
  report->say(
      "fleet of %u engines, %zu sites, %zu clusters: built in %.1f s (cpu %.1f s), linked after %.1f s (cpu %.1f s), "
      "%.2f s of virtual time, %.0f bytes per engine",
      engines(), fleet.sites.size(), fleet.clusters.size(), built_wall, built_cpu, watch.wall_s(), watch.cpu_s(),
      virtual_s(0, world.now()), double(grown) / std::max(1u, engines()));
}

bool ScaleFleet::roll_out(const sim::Module& module, std::int64_t limit_ms) {
  const std::uint64_t before = activations_;
  (void)world.publish(fleet.controller, module);
  return world.run_until([&] { return activations_ - before >= engines(); }, limit_ms);
}

bool ScaleFleet::count_becomes(std::uint64_t live, std::int64_t limit_ms) {
  wire::GetStatus get;
  get.watch = true;
  const std::uint64_t id = world.request(fleet.controller, get);
  auto& answers = world.at(controller_).answers();
  const bool became = world.run_until(
      [&] {
        bool counted = false;
        for (const wire::Message& answer : answers) {
          const auto* status = std::get_if<wire::StatusReport>(&answer);
          if (!status || status->id != id) continue;
          const std::uint64_t now = status->rows.empty() ? 0 : status->rows[0].phases[std::size_t(wire::Phase::live)];
          counted = status->online == engines() && now == live;
        }
        answers.clear();
        return counted;
      },
      limit_ms);
  get.id = id;
  get.watch = false;
  get.end_watch = true;
  world.at(controller_).host_message(get);
  return became;
}

bool ScaleFleet::all_serve(const std::string& function, const std::string& version) const {
  const auto engines = world.live_engines();
  return engines.size() == fleet.engines.size() && std::all_of(engines.begin(), engines.end(), [&](sim::MachineId id) {
           const sim::Serving* now = world.at(id).modules()->serving(function);
           return now && now->version == version;
         });
}

void ScaleFleet::check(ScaleReport* report) {
  for (const std::string& breach : world.breaches()) report->broken(breach);
}

sim::Module scale_module(const std::string& name, const std::string& version, std::uint64_t bytes) {
  sim::Module module;
  module.name = name;
  module.version = version;
  module.artifacts = {{"any", module_bytes(name + "@" + version, bytes)}};
  return module;
}

double virtual_s(sim::Micros from, sim::Micros to) { return double(to - from) / double(sim::kSecond); }
double mib(std::uint64_t bytes) { return double(bytes) / (1024.0 * 1024.0); }

}  // namespace pinnate::simulator
