// Who may be linked to whom, and how links end.
#include "fleet.h"

#include "tier/core.h"

#include <cstdlib>

using namespace pinnate;
using namespace pinnate::sim;

TEST_CASE("of two engines that live under one id the first stays, the other is refused in words and shown") {
  TestFleet f(shape(1, 0, 1));
  f.release(module("f", "1"));
  REQUIRE(f.becomes("f", "1"));
  tier::EngineOptions twin;
  twin.tier.id = "s0.e0";
  f.world.add_engine("twin", twin);
  f.world.dial_up("twin", "s0");
  f.world.advance(10000);
  CHECK(f.world.linked("s0.e0", "s0"));
  CHECK_FALSE(f.world.linked("twin", "s0"));
  CHECK(f.world.version_on("twin", "f") == "");
  CHECK(f.logged("twin: "));
  bool in_words = false;
  for (const auto& line : f.logs)
    in_words = in_words || (line.find("twin: ") == 0 && line.find("s0.e0") != std::string::npos &&
                            line.find("unique") != std::string::npos);
  CHECK(in_words);
  CHECK(f.eventually([&] { return TestFleet::says(f.status().notices, "s0.e0"); }));
  CHECK(f.status().online == 1);
  // When the first has gone the other takes its place.
  f.world.crash("s0.e0");
  CHECK(f.becomes_on("twin", "f", "1", 2 * kMinute));
}

TEST_CASE("an engine that crashed comes back under its id, also while its gateway still believes in the old link") {
  TestFleet f(shape(1, 0, 1, true));
  f.release(module("f", "1"));
  REQUIRE(f.becomes("f", "1"));
  f.world.crash("s0.e0", Machine::Crash::power_loss);
  f.world.advance(500);
  f.world.restart("s0.e0");
  CHECK(f.world.run_until([&] { return f.world.linked("s0.e0", "s0"); }, kMinute));
  f.world.advance(kMinute);
  CHECK(f.world.linked("s0.e0", "s0"));
  CHECK(f.status().online == 1);
}

TEST_CASE("when both ends dial, one link remains and it stays") {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    TestFleet f(shape(0, 0, 0), seeded(seed));
    f.world.add_gateway("g");
    f.world.add_engine("e");
    f.world.dial_down("c", "g");
    f.world.dial_up("g", "c");
    if (seed % 2) f.world.advance(std::int64_t(seed));
    f.world.dial_up("e", "g");
    f.world.dial_down("g", "e");
    f.world.advance(20000);
    CHECK(f.world.network().peers(f.world.at("c").id()).size() == 1);
    CHECK(f.world.network().peers(f.world.at("e").id()).size() == 1);
    CHECK(f.world.network().connections() == 2);
    const auto opened = f.world.traffic().received(f.world.at("c").id(), 1).messages;
    f.world.advance(5 * kMinute);
    // At rest: nobody dials again and again.
    CHECK(f.world.traffic().received(f.world.at("c").id(), 1).messages <= opened + 1);
    CHECK(f.status().online == 1);
    f.release(module("f", "1"));
    CHECK(f.becomes("f", "1"));
  }
}

TEST_CASE("after both ends dialled, a lost link is made again") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    TestFleet f(shape(0, 0, 0), seeded(seed));
    f.world.add_gateway("g");
    f.world.dial_down("c", "g");
    f.world.dial_up("g", "c");
    f.world.advance(20000);
    for (int i = 0; i < 5; ++i) {
      f.world.cut("c", "g");
      CHECK(f.world.run_until([&] { return f.world.linked("c", "g"); }, 2 * kMinute));
      f.world.advance(20000);
      CHECK(f.world.network().connections() == 1);
    }
    f.world.restart("g");
    CHECK(f.world.run_until([&] { return f.world.linked("c", "g"); }, 2 * kMinute));
    f.world.advance(20000);
    CHECK(f.world.network().connections() == 1);
  }
}

TEST_CASE("tiers below can be dialled from above, and one above dials none") {
  TestFleet f(shape(0, 0, 0));
  f.world.add_gateway("g");
  f.world.add_engine("e");
  f.world.dial_down("c", "g");
  f.world.dial_down("g", "e");
  f.release(module("f", "1"));
  CHECK(f.becomes("f", "1"));
}

TEST_CASE("a spare upstream is dialled when the one in use is lost, and not before") {
  TestFleet f(shape(2, 0, 0));
  f.world.add_engine("e");
  f.world.dial_up("e", "s0");
  f.world.dial_up("e", "s1");
  f.release(module("f", "1"));
  REQUIRE(f.becomes("f", "1"));
  f.world.advance(kMinute);
  const bool first = f.world.linked("s0", "e");
  const std::string used = first ? "s0" : "s1", spare = first ? "s1" : "s0";
  CHECK(f.world.linked(used, "e"));
  CHECK(!f.world.linked(spare, "e"));
  f.world.crash(used);
  REQUIRE(f.world.run_until([&] { return f.world.linked(spare, "e"); }, kMinute));
  f.world.restart(used);
  f.world.advance(kMinute);
  CHECK(f.world.linked(spare, "e"));  // it stays
  f.world.crash(spare);
  CHECK(f.world.run_until([&] { return f.world.linked(used, "e"); }, kMinute));
}

TEST_CASE("of two addresses of one upstream one is used, and the link over it stays") {
  TestFleet f(shape(1, 0, 0));
  for (const bool gateway : {false, true}) {
    const std::string name = gateway ? "g" : "e";
    if (gateway)
      f.world.add_gateway(name);
    else
      f.world.add_engine(name);
    f.world.move_address(name + "-other", "s0");
    f.world.dial_up(name, "s0");
    f.world.dial_up(name, name + "-other");
    f.world.advance(10000);
    REQUIRE(f.world.linked("s0", name));
    const std::size_t lines = f.logs.size();
    f.world.advance(5 * kMinute);
    CHECK(f.logs.size() == lines);  // no link comes or goes
    f.world.cut("s0", name);
    CHECK(f.world.run_until([&] { return f.world.linked("s0", name); }, kMinute));
  }
}

TEST_CASE("a tier of another fleet is refused in words, by whichever end dials") {
  TestFleet f(shape(1, 0, 0));
  tier::EngineOptions stranger;
  stranger.tier.fleet = "other";
  f.world.add_engine("stranger", stranger);
  f.world.dial_up("stranger", "s0");
  f.world.add_engine("called", stranger);
  f.world.dial_down("s0", "called");
  f.release(module("f", "1"));
  f.world.advance(20000);
  CHECK_FALSE(f.world.linked("stranger", "s0"));
  CHECK_FALSE(f.world.linked("called", "s0"));
  CHECK(f.all_serve("f", ""));
  CHECK(f.logged("fleet 'other' is not 'default'"));
  CHECK(f.status().online == 0);
}

TEST_CASE("an address that another fleet's engine took over brings nothing into this fleet") {
  TestFleet f(shape(1, 0, 0));
  f.world.add_engine("e");
  f.world.dial_down("s0", "e");
  f.release(module("f", "1"));
  REQUIRE(f.becomes("f", "1"));
  tier::EngineOptions stranger;
  stranger.tier.fleet = "other";
  f.world.add_engine("stranger", stranger);
  f.world.crash("e", Machine::Crash::power_loss);
  f.world.move_address("e", "stranger");
  f.world.advance(kMinute);
  CHECK(f.world.version_on("stranger", "f") == "");
  CHECK(f.status().online == 0);
}

TEST_CASE("a link that only one end believes in is found by its silence and made again") {
  for (bool upper_believes : {false, true}) {
    TestFleet f(shape(1, 1, 1));
    f.release(module("f", "1"));
    REQUIRE(f.becomes("f", "1"));
    if (upper_believes)
      f.world.half_open("s0", "s0.k0");
    else
      f.world.half_open("s0.k0", "s0");
    f.world.advance(100);
    f.release(module("f", "2"));
    CHECK(f.becomes("f", "2", kMinute));
    CHECK(f.eventually([&] { return f.status().online == 1; }));
  }
}

TEST_CASE("a partition heals: the site catches up with what it missed") {
  TestFleet f(shape(2, 1, 2));
  f.release(module("f", "1"));
  REQUIRE(f.becomes("f", "1"));
  f.world.advance(2000);
  f.world.partition({"s1", "s1.k0", "s1.k0.e0", "s1.k0.e1"});
  const auto two = f.release(module("f", "2"));
  CHECK(f.becomes_on("s0.k0.e0", "f", "2"));
  f.world.advance(10 * kMinute);
  CHECK(f.world.version_on("s1.k0.e0", "f") == "1");
  CHECK(f.phase(two, wire::Phase::offline) == 2);
  f.world.heal();
  CHECK(f.becomes("f", "2", 2 * kMinute));
}

TEST_CASE("a stalled reader holds up nobody else") {
  TestFleet f(shape(1, 0, 3));
  f.world.advance(2000);
  f.world.stall("s0", "s0.e1");
  f.release(module("f", "1", 3000000));
  CHECK(f.becomes_on("s0.e0", "f", "1", 5000));
  CHECK(f.becomes_on("s0.e2", "f", "1", 5000));
  f.world.stall("s0", "s0.e1", false);
  CHECK(f.becomes("f", "1", 2 * kMinute));
}

TEST_CASE("a backoff doubles up to its limit, and two that begin at once do not stay together") {
  tier::Backoff one(200, 30000), two(200, 30000);
  Random first(1), second(2);
  int apart = 0;
  for (std::int64_t ceiling : {200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000, 30000}) {
    const std::int64_t wait = one.next_ms(first), other = two.next_ms(second);
    CHECK(wait >= ceiling / 2);
    CHECK(wait <= ceiling);
    apart += std::abs(wait - other) > ceiling / 50;
  }
  CHECK(apart >= 5);
  one.reset();
  CHECK(one.next_ms(first) <= 200);
}

TEST_CASE("dialling again is spread and backs off") {
  TestFleet f(shape(0, 0, 0));
  f.world.add_gateway("g");
  f.world.dial_up("g", "nowhere");
  int dials = 0;
  f.world.trace().observer = [&](const Occurrence& o) { dials += o.what == What::link_closed; };
  f.world.advance(10 * kMinute);
  CHECK(dials >= 15);
  CHECK(dials <= 80);
}

TEST_CASE("a million bad bytes end a link, not a tier") {
  TestFleet f(shape(1, 0, 1));
  f.release(module("f", "1"));
  REQUIRE(f.becomes("f", "1"));
  Random random(7);
  for (int i = 0; i < 300; ++i) {
    const std::size_t size = 1 + random.below(200);
    std::string bytes = noise(size, random.next());
    if (i % 3 == 0) bytes[0] = char(0x90 | random.below(16));
    for (const char* tier : {"c", "s0", "s0.e0"}) {
      f.world.at(tier).link_opened(100000 + 2 * tier::LinkId(i), {});
      f.world.at(tier).link_message(100000 + 2 * tier::LinkId(i), Buffer(bytes));
      f.world.at(tier).link_closed(100000 + 2 * tier::LinkId(i), {PINNATE_UNREACHABLE, "gone"});
    }
    f.world.advance(1);
  }
  // The links were not the network's: what tiers sent there is no breach of theirs.
  f.world.forget_breaches();
  f.release(module("f", "2"));
  CHECK(f.becomes("f", "2"));
}

TEST_CASE("an engine is told when it should be a gateway: roles that have no place are refused in words") {
  TestFleet f(shape(0, 0, 0));
  f.world.add_engine("e1");
  f.world.add_engine("e2");
  f.world.dial_up("e1", "e2");
  f.world.add_controller("c2");
  f.world.add_gateway("g");
  f.world.dial_up("g", "c");
  f.world.advance(1000);
  f.world.dial_down("c2", "g");
  f.world.advance(10000);
  CHECK(f.logged("a engine has no place for a engine"));
  CHECK_FALSE(f.world.linked("c2", "g"));
  CHECK(f.world.linked("c", "g"));
}

TEST_CASE("a peer that has not said who it is goes by its address in the log") {
  TestFleet f(shape(1, 0, 1));
  const tier::PeerFacts far{"tcp://10.0.0.3:4242", {}, {}, {}}, near{"unix:/run/s", 1000, 1000, {}};
  for (const auto& [link, facts] : {std::pair(tier::LinkId(90002), far), std::pair(tier::LinkId(90004), near)}) {
    f.world.at("c").link_opened(link, facts);
    f.world.at("c").link_message(link, Buffer("not msgpack"));
    f.world.advance(1);
    CHECK(f.logged("a link from " + facts.address));
  }
  CHECK(f.logged("a link from unix:/run/s (uid 1000) ended: "));
  f.world.forget_breaches();
}
