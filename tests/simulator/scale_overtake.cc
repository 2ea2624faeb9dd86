// A version is superseded while it is still on its way over slow links: what is still asked for,
// and what still crosses.
#include "simulator/scale_fleet.h"
#include "simulator/scale_parts.h"
#include "world/message_type.h"

#include <algorithm>
#include <unordered_map>

namespace pinnate::simulator {
namespace {

// What one host does about the first version after it knows of the second.
struct Afterwards {
  bool knows = false;
  std::uint64_t asked = 0;  // chunks of the old version that it asked for
  std::uint64_t sent = 0;  // and such that it sent down
  std::uint64_t came = 0;  // and such that arrived, asked for before
};

class Overtaking {
 public:
  Overtaking(const Digest& old_manifest, std::uint64_t new_revision) : old_(old_manifest), revision_(new_revision) {}

  void see(const sim::Occurrence& o) {
    if ((o.what != sim::What::sent && o.what != sim::What::received) || o.number == tier::kHostLink) return;
    const std::uint8_t type = sim::message_type(o.bytes);
    if (type != sim::kDesiredType && type != sim::kWantChunkType && type != sim::kChunkBytesType) return;
    const auto decoded = wire::decode(Buffer(std::string(o.bytes)));
    if (!decoded.ok() || !*decoded) return;
    Afterwards& host = hosts_[o.host];
    if (const auto* chunk = std::get_if<wire::ChunkBytes>(&**decoded))
      if (chunk->manifest == old_ && chunk->code == PINNATE_OK && o.what == sim::What::received) ++crossed_;
    if (const auto* desired = std::get_if<wire::Desired>(&**decoded)) {
      // The controller knows when it first says so.
      if (desired->position.revision >= revision_) host.knows = true;
    } else if (!host.knows) {
      return;
    } else if (const auto* want = std::get_if<wire::WantChunk>(&**decoded)) {
      if (want->manifest == old_ && o.what == sim::What::sent) ++host.asked;
    } else if (const auto* chunk = std::get_if<wire::ChunkBytes>(&**decoded)) {
      if (chunk->manifest == old_ && chunk->code == PINNATE_OK) ++(o.what == sim::What::sent ? host.sent : host.came);
    }
  }
  const std::unordered_map<sim::MachineId, Afterwards>& hosts() const { return hosts_; }
  std::uint64_t crossed() const { return crossed_; }  // chunks of the old version that came over a link so far

 private:
  Digest old_;
  std::uint64_t revision_, crossed_ = 0;
  std::unordered_map<sim::MachineId, Afterwards> hosts_;
};

void overtake(bool durable, const ScaleOptions& options, ScaleReport* report) {
  sim::FleetShape shape;
  shape.sites = options.sites.value_or(4);
  shape.clusters = options.clusters;
  shape.engines = std::max(1u, options.engines.value_or(16) / shape.sites / std::max(1u, shape.clusters));
  shape.engine.durable = durable;
  ScaleFleet fleet(shape, options.seed, report);
  const std::uint64_t bytes = std::max<std::uint64_t>(options.bytes, 8 << 20), rate = 512 * 1024;
  std::uint64_t links = 0;
  const auto limit = [&](const std::string& lower) {
    const std::string upper =
        lower.find('.') == std::string::npos ? fleet.fleet.controller : lower.substr(0, lower.rfind('.'));
    fleet.world.limit(upper, lower, rate + rate / 4 * (links++ % 5));  // not in step
  };
  for (const auto* tiers : {&fleet.fleet.sites, &fleet.fleet.clusters, &fleet.fleet.engines})
    std::for_each(tiers->begin(), tiers->end(), limit);

  const sim::Module one = scale_module("scaled", "1", bytes), two = scale_module("scaled", "2", bytes);
  const auto first = fleet.world.publish_and_wait(fleet.fleet.controller, one);
  if (first.code != PINNATE_OK) report->broken("the first version was not published: " + first.reason);
  Overtaking seen(fleet.world.shelf().add(one).digest, first.position.revision + 1);
  fleet.also = [&](const sim::Occurrence& o) { seen.see(o); };
  fleet.world.advance(3000);
  // Else there is nothing to overtake.
  if (seen.crossed() == 0) report->broken("the first version was not under way when the second came");
  const auto engines = fleet.world.live_engines();
  if (std::any_of(engines.begin(), engines.end(),
                  [&](sim::MachineId id) { return fleet.world.at(id).modules()->serving("scaled") != nullptr; }))
    report->broken("the first version was already there when the second came");
  const sim::Micros published = fleet.world.now();
  if (!fleet.roll_out(two, 600000) || !fleet.all_serve("scaled", "2"))
    report->broken("not every engine serves the second version");
  const double took_s = virtual_s(published, fleet.world.now());
  fleet.check(report);

  Afterwards most;
  for (const auto& [host, after] : seen.hosts()) {
    report->say("  %-12s asked for %llu chunks of the first version after it knew of the second, sent %llu, got %llu",
                fleet.world.at(host).name().c_str(), (unsigned long long)after.asked, (unsigned long long)after.sent,
                (unsigned long long)after.came);
    most.asked = std::max(most.asked, after.asked);
    most.sent = std::max(most.sent, after.sent);
    most.came = std::max(most.came, after.came);
  }
  report->say(
      "%s engines: the second version is everywhere after %.3f s of virtual time, at %llu bytes/s a link and more, and "
      "%llu bytes a version",
      durable ? "durable" : "plain", took_s, (unsigned long long)rate, (unsigned long long)bytes);
  const std::string name = std::string("overtake.") + (durable ? "durable" : "plain");
  report->reach(name + ".asked_when_superseded", double(most.asked), 0);
  report->reach(name + ".sent_when_superseded", double(most.sent), 0);
  report->reach(name + ".came_when_superseded", double(most.came), 1);  // the chunk in flight
}

}  // namespace

void scale_overtake(const ScaleOptions& options, ScaleReport* report) {
  overtake(false, options, report);
  overtake(true, options, report);
}

}  // namespace pinnate::simulator
