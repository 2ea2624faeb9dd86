// Bad days, by seed: faults of all kinds while modules are published, then quiet. What must hold
// then is held against the truth of the world, not against what tiers say of themselves.
#include "fleet.h"

#include <map>
#include <set>

using namespace pinnate;
using namespace pinnate::sim;

namespace {

struct Day {
  Day(std::uint64_t seed, bool through_mux) : f(chaos_shape(), options(seed, through_mux)), random(seed * 7919) {
    for (const auto& list : {f.fleet.sites, f.fleet.clusters, f.fleet.engines})
      tiers.insert(tiers.end(), list.begin(), list.end());
    tiers.push_back("c");
    f.world.trace().observer = [this](const Occurrence& o) { look(o); };
  }
  static FleetShape chaos_shape() {
    FleetShape s = shape(2, 1, 2, true);
    s.controller.forget_after_ms = s.gateway.forget_after_ms = 2 * kHour;
    return s;
  }
  static WorldOptions options(std::uint64_t seed, bool through_mux) {
    WorldOptions o = seeded(seed);
    o.network.through_mux = through_mux;
    return o;
  }
  const std::string& any() { return tiers[random.below(tiers.size())]; }

  // Only what was published is ever served.
  void look(const Occurrence& o) {
    if (o.what != What::activated) return;
    for (const auto& serving : f.world.at(o.host).modules()->all_serving())
      if (f.world.title_of(serving.artifact).empty()) unknown_served = true;
  }

  void order() {
    const std::string name = "m" + std::to_string(random.below(3)), version = std::to_string(random.below(5));
    if (random.one_in(8)) {
      wire::Unpublish order;
      order.name = name;
      f.world.request("c", order);
      return;
    }
    const Module m = module(name, version, 1000 + 70000 * random.below(6));
    if (random.one_in(4)) {  // it does not do well at first, on some engine
      Conduct conduct;
      conduct.fate = random.one_in(3) ? Fate::kills : Fate::fails;
      conduct.first_times = 1 + std::uint32_t(random.below(3));
      const Step step = random.one_in(2) ? Step::create : random.one_in(2) ? Step::load : Step::health;
      f.world.modules().behave(f.artifact(m), step, conduct, f.world.at(f.fleet.engines[random.below(4)]).id());
    }
    const std::uint64_t id = f.world.publish("c", m);
    asked[id] = {name, version};
  }

  void fault() {
    const std::string &a = any(), &b = any();
    switch (random.below(16)) {
      case 0:
        return f.world.cut(a, b);
      case 1:
        return f.world.stall(a, b);
      case 2:
        return f.world.half_open(a, b);
      case 3:
        return f.world.partition({a});
      case 4:
        return f.world.heal();
      case 5:
        return f.world.cut_after(a, b, random.below(100000));
      case 6:
        return f.world.limit(a, b, 20000 + random.below(1000000));
      case 7:
        return f.world.disk_full(a, random.one_in(3));
      case 8:
        return f.world.flip_sent_chunks(a, std::uint32_t(random.below(3)));
      case 9:
        return f.world.clock_jump(a, std::int64_t(random.below(20000000)) - 10000000);
      case 10:
        return f.world.at(a).disk().fail_next(std::uint32_t(random.below(4)), PINNATE_IO);
      case 11:
        return f.world.at(a).disk().delay_next(std::uint32_t(random.below(4)), 200 * kMillisecond);
      case 12:
        return f.world.at(a).deliver_strays(random.one_in(2));
      default:
        if (f.world.at(a).up())
          f.world.crash(a, random.one_in(2) ? Machine::Crash::kill : Machine::Crash::power_loss);
        else
          f.world.restart(a);
    }
  }

  // Faults stop: everything is up, whole and has room.
  void quiet() {
    f.world.heal();
    for (const auto& tier : tiers) {
      f.world.disk_full(tier, false);
      f.world.at(tier).disk().fail_next(0, PINNATE_IO);
      f.world.flip_sent_chunks(tier, 0);
      for (const auto& other : tiers) f.world.limit(tier, other, 0);
      if (!f.world.at(tier).up()) f.world.restart(tier);
    }
  }

  // The newest current release of each name, by the controller's own durable history.
  std::map<std::string, std::string> desired() {
    std::map<std::string, std::string> now;
    const auto list = f.world.ask<wire::Releases>("c", wire::ListReleases{});
    for (const auto& release : list.releases)
      if (release.current && !now.count(release.name)) now[release.name] = release.version;
    return now;
  }
  bool converged(const std::map<std::string, std::string>& desired) {
    for (const auto& engine : f.fleet.engines)
      if (!f.world.at(engine).up()) return false;  // a module took it down
    for (int m = 0; m < 3; ++m) {
      const std::string name = "m" + std::to_string(m);
      const auto found = desired.find(name);
      if (!f.all_serve(name, found == desired.end() ? "" : found->second)) return false;
    }
    return true;
  }

  TestFleet f;
  Random random;
  std::vector<std::string> tiers;
  std::map<std::uint64_t, std::pair<std::string, std::string>> asked;
  bool unknown_served = false;
};

// Returns how many publishes were acknowledged.
std::size_t live_through(std::uint64_t seed, bool through_mux) {
  CAPTURE(seed);
  CAPTURE(through_mux);
  Day day(seed, through_mux);
  TestFleet& f = day.f;
  std::map<std::uint64_t, std::string> promised;  // release -> version, of what was acknowledged
  const auto note_promises = [&] {
    for (const auto& answer : f.world.at("c").answers())
      if (const auto* published = std::get_if<wire::Published>(&answer); published && published->code == PINNATE_OK)
        promised[published->release] = day.asked[published->id].first + "@" + day.asked[published->id].second;
  };
  for (int step = 0; step < 60; ++step) {
    if (day.random.one_in(3)) day.order();
    day.fault();
    f.world.advance(std::int64_t(day.random.below(day.random.one_in(8) ? 20000 : 300)));
  }
  day.quiet();
  f.world.advance(kMinute);
  note_promises();
  const auto desired = day.desired();
  const bool converged = f.world.run_until([&] { return day.converged(desired); }, 6 * kHour);
  CHECK(converged);
  CHECK_FALSE(day.unknown_served);

  // Acknowledged is kept.
  std::map<std::uint64_t, std::string> listed;
  for (const auto& release : f.world.ask<wire::Releases>("c", wire::ListReleases{}).releases)
    listed[release.number] = release.name + "@" + release.version;
  for (const auto& [release, title] : promised) CHECK(listed[release] == title);

  // Honest counts.
  const std::size_t engines = f.fleet.engines.size();
  CHECK(f.eventually([&] { return f.status().online == engines; }, kHour, 5000));
  CHECK(f.eventually([&] { return f.status().offline == 0; }, 3 * kHour, 60000));
  f.world.advance(5000);
  const auto status = f.status();
  CHECK(status.gateways_online == 4);
  CHECK(status.gateways_offline == 0);
  for (const auto& row : status.rows) {
    CHECK(sum(row) == status.online + status.offline);
    if (converged) CHECK(row.serving == (desired.count(row.name) && desired.at(row.name) == row.version ? engines : 0));
  }
  return promised.size();
}

}  // namespace

TEST_CASE("after any bad day the fleet serves what was published, lost nothing that it promised, and counts right") {
  std::size_t acknowledged = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) acknowledged += live_through(seed, false);
  CHECK(acknowledged > 60);
}

TEST_CASE("the same over real frames, with resets between any two bytes") {
  std::size_t acknowledged = 0;
  for (std::uint64_t seed = 1001; seed <= 1015; ++seed) acknowledged += live_through(seed, true);
  CHECK(acknowledged > 15);
}
