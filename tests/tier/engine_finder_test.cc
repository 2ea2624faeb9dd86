// One engine among many sites: found at once, by asking no more than who may have it, and found
// again without asking.
#include "driven.h"

#include <map>

using namespace pinnate;
using namespace pinnate::sim;

namespace {

constexpr std::uint8_t kLookupType = 32, kCallType = 34;

sim::WorldOptions with_latency(Micros latency) {
  sim::WorldOptions options;
  options.network.latency_min = options.network.latency_max = latency;
  return options;
}

// Sites "s0"..; each has two engines, the second of which is labelled `serves` where the site's
// number is even. `f` is served there.
struct Sites : TestFleet {
  explicit Sites(std::uint32_t sites) : TestFleet(shape(sites, 0, 1), with_latency(20 * kMillisecond)) {
    for (const std::string& site : fleet.sites) {
      tier::EngineOptions options;
      if ((site.back() - '0') % 2 == 0) options.tier.labels = {{"serves", "f"}};
      world.add_engine(site + ".x", options);
      world.dial_up(site + ".x", site);
    }
    release(module("f", "1"), "serves=f");
    REQUIRE(reports(1, wire::Phase::live, (sites + 1) / 2));
    world.advance(2000);
    clear();
  }
  void clear() { world.traffic().clear(); }
  std::uint64_t got(const std::string& tier, std::uint8_t type) {
    return world.traffic().received(world.at(tier).id(), type).messages;
  }
  std::uint64_t lookups() {
    std::uint64_t all = 0;
    for (const std::string& site : fleet.sites) all += got(site, kLookupType);
    return all;
  }
  std::uint64_t calls() {
    std::uint64_t all = 0;
    for (const std::string& site : fleet.sites) all += got(site, kCallType);
    return all;
  }
  std::int64_t ms_of_call(const std::string& engine, Code code = PINNATE_OK, const std::string& tier = "c") {
    const Micros before = world.now();
    const auto returned = call("f", "x", engine, tier);
    CHECK_MESSAGE(returned.code == code, returned.reason);
    CHECK(returned.ran == (code == PINNATE_OK));
    return (world.now() - before) / kMillisecond;
  }
};

// A second life of an engine, under a site of its own.
void move(TestFleet& f, const std::string& engine, const std::string& to) {
  f.world.crash(engine);
  tier::EngineOptions options;
  options.tier.id = engine;
  options.tier.labels = {{"serves", "f"}};
  f.world.add_engine(engine + " moved", options);
  f.world.dial_up(engine + " moved", to);
  REQUIRE(f.becomes_on(engine + " moved", "f", "1"));
  f.world.advance(2000);
}

}  // namespace

TEST_CASE("a first call to a named engine asks each site that may have it once, and the next ones ask nobody") {
  Sites f(40);
  CHECK(f.ms_of_call("s36.x") <= 300);
  CHECK(f.lookups() == 20);
  for (const std::string& site : f.fleet.sites) {
    CAPTURE(site);
    CHECK(f.got(site, kLookupType) == ((site.back() - '0') % 2 == 0 ? 1 : 0));
  }
  CHECK(f.calls() == 1);
  f.clear();
  for (int i = 0; i < 5; ++i) CHECK(f.ms_of_call("s36.x") <= 100);
  CHECK(f.lookups() == 0);
  CHECK(f.calls() == 5);
}

TEST_CASE(
    "a call to an engine that does not serve the function, is offline or nowhere says so, and asks each site once") {
  Sites f(20);
  CHECK(f.ms_of_call("s7.e0", PINNATE_NOT_FOUND) <= 300);
  CHECK(f.call("f", "x", "s7.e0").reason.find("serves 'f'") != std::string::npos);
  CHECK(f.lookups() == 20);
  f.clear();
  CHECK(f.ms_of_call("nobody", PINNATE_NOT_FOUND) <= 300);
  CHECK(f.lookups() == 20);
  f.world.crash("s6.x");
  f.world.advance(kMinute);
  f.clear();
  CHECK(f.ms_of_call("s6.x", PINNATE_UNREACHABLE) <= 300);
  CHECK(f.call("f", "x", "s6.x").reason == "engine 's6.x' is offline");
  for (const std::string& site : f.fleet.sites) CHECK(f.got(site, kLookupType) == 2);
}

TEST_CASE("an engine that moved is found anew by those who remember where it was") {
  Sites f(20);
  f.ms_of_call("s4.x");
  f.ms_of_call("s4.x", PINNATE_OK, "s9.e0");
  move(f, "s4.x", "s7");
  f.clear();
  CHECK(f.ms_of_call("s4.x") <= 400);
  CHECK(f.lookups() > 0);
  f.clear();
  f.ms_of_call("s4.x");
  f.ms_of_call("s4.x", PINNATE_OK, "s9.e0");
  CHECK(f.lookups() == 0);
  // And where its site is away meanwhile.
  f.world.crash("s7");
  f.world.advance(kMinute);
  CHECK(f.call("f", "x", "s4.x").code == PINNATE_UNREACHABLE);
  f.world.restart("s7");
  f.world.advance(kMinute);
  f.ms_of_call("s4.x");
}

TEST_CASE("calls that look for the same engine at once look together") {
  Sites f(20);
  std::vector<std::uint64_t> asked;
  wire::Call call;
  call.function = "f";
  call.engine = "s8.x";
  for (int i = 0; i < 100; ++i) asked.push_back(f.world.request("c", call));
  f.world.advance(1000);
  for (std::uint64_t id : asked) {
    REQUIRE(f.world.answer<wire::Returned>("c", id));
    CHECK(f.world.answer<wire::Returned>("c", id)->code == PINNATE_OK);
  }
  CHECK(f.lookups() == 10);
  CHECK(f.calls() == 100);
}

TEST_CASE("a call to an engine elsewhere asks below on its first way up, and then goes up at once") {
  TestFleet f(shape(2, 3, 1), with_latency(20 * kMillisecond));
  f.release(module("f", "1"));
  REQUIRE(f.becomes("f", "1"));
  f.world.advance(2000);
  const auto lookups = [&] {
    std::uint64_t all = 0;
    for (const auto* tiers : {&f.fleet.sites, &f.fleet.clusters})
      for (const std::string& tier : *tiers)
        all += f.world.traffic().received(f.world.at(tier).id(), kLookupType).messages;
    return all;
  };
  for (int i = 0; i < 3; ++i) {
    f.world.traffic().clear();
    CHECK(f.call("f", "x", "s1.k2.e0", "s0.k0.e0").code == PINNATE_OK);
    CHECK((lookups() == 0) == (i > 0));
  }
  // It comes to be below: whoever remembers that it is above still reaches it.
  f.world.crash("s1.k2.e0");
  tier::EngineOptions options;
  options.tier.id = "s1.k2.e0";
  f.world.add_engine("moved", options);
  f.world.dial_up("moved", "s0.k1");
  REQUIRE(f.becomes_on("moved", "f", "1"));
  f.world.advance(2000);
  CHECK(f.call("f", "x", "s1.k2.e0", "s0.k0.e0").code == PINNATE_OK);
  CHECK(f.call("f", "x", "s1.k2.e0", "s0.k0.e0").code == PINNATE_OK);
}

TEST_CASE("more engines than can be looked for at once: the calls to the others are told to try again") {
  Sites f(4);
  for (const std::string& site : f.fleet.sites) f.world.stall(site, "c");
  std::vector<std::uint64_t> asked;
  wire::Call call;
  call.function = "f";
  for (int i = 0; i < 1500; ++i) {
    call.engine = "engine-" + std::to_string(i);
    asked.push_back(f.world.request("c", call));
  }
  f.world.advance(100);
  int busy = 0;
  for (std::uint64_t id : asked)
    if (const auto* returned = f.world.answer<wire::Returned>("c", id)) {
      CHECK_MESSAGE(returned->code == PINNATE_BUSY, returned->reason);
      CHECK_FALSE(returned->ran);
      ++busy;
    }
  CHECK(busy == 1500 - 1024);
  f.world.heal();
  f.world.advance(kMinute);
  CHECK(f.world.answer<wire::Returned>("c", asked[0]) != nullptr);
  f.ms_of_call("s2.x");  // and there is room again
}

TEST_CASE("a site that is silent does not keep a call from an engine at another, served there or not") {
  Sites f(6);
  f.world.stall("s0", "c");
  CHECK(f.ms_of_call("s4.x") <= 300);
  CHECK(f.ms_of_call("s3.e0", PINNATE_NOT_FOUND) <= 3000);
}

TEST_CASE("sites are asked in parallel, but so many at once that their answers can be held") {
  constexpr std::size_t kSites = 20000;
  Driven d;
  for (std::size_t i = 0; i < kSites; ++i) d.link("site" + std::to_string(i));
  d.sent.clear();
  wire::Call call;
  call.id = 1;
  call.function = "f";
  call.engine = "e";
  d.say(tier::kHostLink, call);
  std::map<tier::LinkId, std::uint64_t> asked;
  const auto note = [&] {
    for (const auto& [link, message] : d.sent)
      if (const auto* lookup = std::get_if<wire::Lookup>(&message)) CHECK(asked.emplace(link, lookup->id).second);
  };
  note();
  CHECK(asked.size() > 4000);
  CHECK(asked.size() < kSites);
  while (!asked.empty() && !d.last<wire::Returned>(tier::kHostLink)) {
    const auto before = std::exchange(asked, {});
    d.sent.clear();
    for (const auto& [link, id] : before) {
      wire::Tiers none;
      none.id = id;
      d.say(link, none);
    }
    note();
  }
  REQUIRE(d.last<wire::Returned>(tier::kHostLink));
  CHECK(d.last<wire::Returned>(tier::kHostLink)->code == PINNATE_NOT_FOUND);
}
