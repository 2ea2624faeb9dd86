// All sites reconnect at once, because the controller restarted: how their dials spread, and how
// long a link that is up is silent.
#include "simulator/scale_fleet.h"
#include "simulator/scale_parts.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <vector>

namespace pinnate::simulator {
namespace {

// How long each end of each open link heard nothing.
class Silence {
 public:
  void see(const sim::Occurrence& o) {
    if (o.what == sim::What::link_opened) heard_[key(o)] = o.at;
    if (o.what == sim::What::received && o.number != tier::kHostLink) {
      note(o.at, key(o));
      heard_[key(o)] = o.at;
    }
    if (o.what == sim::What::link_closed) {
      note(o.at, key(o));  // one that was given up because it was silent counts most of all
      heard_.erase(key(o));
    }
    if (o.what == sim::What::ended) std::erase_if(heard_, [&](const auto& h) { return h.first >> 32 == o.host; });
  }
  // Of links still up, too.
  sim::Micros longest(sim::Micros now) {
    for (const auto& [link, at] : heard_) longest_ = std::max(longest_, now - at);
    return longest_;
  }

 private:
  static std::uint64_t key(const sim::Occurrence& o) { return std::uint64_t(o.host) << 32 | (o.number & 0xffffffff); }
  void note(sim::Micros now, std::uint64_t link) {
    if (const auto found = heard_.find(link); found != heard_.end()) longest_ = std::max(longest_, now - found->second);
  }
  std::unordered_map<std::uint64_t, sim::Micros> heard_;
  sim::Micros longest_ = 0;
};

void storm(std::int64_t down_ms, const ScaleOptions& options, ScaleReport* report) {
  sim::FleetShape shape;
  shape.sites = options.sites.value_or(1000);
  shape.clusters = 0;
  shape.engines = std::max(1u, options.engines.value_or(shape.sites) / shape.sites);
  ScaleFleet fleet(shape, options.seed, report);
  const sim::Micros heartbeat = sim::Micros(shape.gateway.tier.heartbeat_ms) * sim::kMillisecond;

  Silence silence;
  std::map<std::int64_t, std::uint32_t> arrived;  // links that the controller accepted, per 100 ms since the restart
  sim::Micros restarted = -1;
  fleet.also = [&](const sim::Occurrence& o) {
    silence.see(o);
    if (restarted >= 0 && o.what == sim::What::link_opened && o.host == fleet.controller())
      ++arrived[(o.at - restarted) / (100 * sim::kMillisecond)];
  };
  fleet.world.advance(20000);
  fleet.world.crash(fleet.fleet.controller);
  fleet.world.advance(down_ms);
  restarted = fleet.world.now();
  fleet.world.restart(fleet.fleet.controller);
  if (!fleet.count_becomes(0)) report->broken("not every site came back");
  const double back_s = virtual_s(restarted, fleet.world.now());
  fleet.world.advance(30000);
  const double silent_s = virtual_s(0, silence.longest(fleet.world.now()));
  fleet.check(report);

  std::uint32_t dials = 0, most = 0;
  std::string row;
  for (const auto& [slot, n] : arrived) {
    dials += n;
    most = std::max(most, n);
    row += " " + std::to_string(double(slot) / 10).substr(0, std::to_string(slot / 10).size() + 2) + ":" +
           std::to_string(n);
  }
  report->say(
      "controller down for %lld ms: %u sites dial %u times, %u at most within 100 ms, the last is counted after %.3f "
      "s; dials by 100 ms:%s",
      (long long)down_ms, shape.sites, dials, most, back_s, row.c_str());
  const std::string name = "storm." + std::to_string(down_ms) + "ms.";
  // A limit that only jitter meets: without it nearly all of them come within one tenth of a
  // second.
  report->reach(name + "peak_share_100ms", double(most) / double(std::max(1u, dials)), 0.4);
  report->reach(name + "heartbeat_gap_s", silent_s, 2 * virtual_s(0, heartbeat));
}

}  // namespace

void scale_storm(const ScaleOptions& options, ScaleReport* report) {
  for (const std::int64_t down_ms : {0, 500, 2000, 10000}) storm(down_ms, options, report);
}

}  // namespace pinnate::simulator
