// A call to one engine among many sites, of which every other one serves the function: how long the
// first takes, and who is asked.
#include "simulator/scale_fleet.h"
#include "simulator/scale_parts.h"
#include "world/message_type.h"

#include <algorithm>
#include <map>
#include <set>

namespace pinnate::simulator {
namespace {

// Lookup, Call and Cancel go down, Tiers and Returned come back.
bool goes_down(std::uint8_t type) { return type == 32 || type == 34 || type == 65; }
bool comes_back(std::uint8_t type) { return type == 33 || type == 35; }

}  // namespace

void scale_named(const ScaleOptions& options, ScaleReport* report) {
  sim::FleetShape shape;
  shape.sites = options.sites.value_or(10000);
  shape.clusters = options.clusters;
  shape.engines = 0;
  sim::NetworkOptions network;
  network.latency_min = network.latency_max = 20 * sim::kMillisecond;
  ScaleFleet fleet(shape, options.seed, report, network);
  sim::TestWorld& world = fleet.world;
  const auto& gateways = options.clusters > 0 ? fleet.fleet.clusters : fleet.fleet.sites;
  const auto serves = [&](std::size_t gateway) { return gateway / std::max(1u, options.clusters) % 2 == 0; };
  std::size_t serving = 0;
  for (std::size_t i = 0; i < gateways.size(); ++i) {
    tier::EngineOptions engine;
    if (serves(i)) engine.tier.labels = {{"serves", "named"}}, ++serving;
    sim::MachineOptions host;
    host.listens = false;
    fleet.fleet.engines.push_back(gateways[i] + ".e");
    world.add_engine(fleet.fleet.engines.back(), engine, host);
    world.dial_up(fleet.fleet.engines.back(), gateways[i]);
  }
  (void)world.publish(fleet.fleet.controller, scale_module("named", "1", options.bytes), "serves=named");
  if (!fleet.count_becomes(serving)) report->broken("not every engine was live that should be");
  world.advance(2000);

  struct Got {
    std::uint64_t from_above = 0, all = 0;
  };
  std::map<sim::MachineId, Got> got;  // messages of calls and lookups
  fleet.also = [&](const sim::Occurrence& o) {
    if (o.what != sim::What::received || o.number == tier::kHostLink) return;
    const std::uint8_t type = sim::message_type(o.bytes);
    if (goes_down(type)) ++got[o.host].from_above;
    if (goes_down(type) || comes_back(type)) ++got[o.host].all;
  };
  std::size_t chosen = gateways.size() / 2;
  while (!serves(chosen)) --chosen;
  const std::string& engine = fleet.fleet.engines[chosen];
  std::set<sim::MachineId> path = {fleet.controller()};
  for (std::size_t dot = engine.find('.'); dot != std::string::npos; dot = engine.find('.', dot + 1))
    path.insert(world.at(engine.substr(0, dot)).id());
  path.insert(world.at(engine).id());

  const auto call = [&] {
    got.clear();
    wire::Call order;
    order.function = "named";
    order.engine = engine;
    const sim::Micros before = world.now();
    const auto returned = world.ask<wire::Returned>(fleet.fleet.controller, order);
    const double ms = virtual_s(before, world.now()) * 1000;
    world.advance(1000);  // whoever answers late has been asked, too
    if (returned.code != PINNATE_OK) report->broken("the call failed: " + returned.reason);
    return ms;
  };
  const double first_ms = call();
  std::uint64_t most = 0, others = 0;
  for (std::size_t i = 0; i < fleet.fleet.sites.size(); ++i) {
    const sim::MachineId site = world.at(fleet.fleet.sites[i]).id();
    if (path.contains(site)) continue;
    if (i % 2 == 0)
      most = std::max(most, got[site].from_above);
    else
      others += got[site].all;
  }
  double next_ms = 0;
  std::uint64_t beside = 0;
  for (int i = 0; i < 10; ++i) {
    next_ms = std::max(next_ms, call());
    for (const auto& [host, messages] : got)
      if (!path.contains(host)) beside += messages.all;
    for (const sim::MachineId host : path)  // a Call going down, and a Returned coming up
      beside += got[host].all - (host == fleet.controller() || host == world.at(engine).id() ? 1 : 2);
  }
  fleet.check(report);
  report->say("a call to '%s' on %zu sites with links of 20 ms: the first %.0f ms, the next ones up to %.0f ms",
              engine.c_str(), fleet.fleet.sites.size(), first_ms, next_ms);
  report->reach("named.first_call_ms", first_ms, 300);
  report->reach("named.messages_to_a_site_that_may_have_it", double(most), 1);
  report->reach("named.messages_to_other_sites", double(others), 0);
  report->reach("named.messages_of_next_calls_beside_their_path", double(beside), 0);
}

}  // namespace pinnate::simulator
