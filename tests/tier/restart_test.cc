// Tiers that come and go.
#include "fleet.h"

using namespace pinnate;
using namespace pinnate::sim;

TEST_CASE("a gateway restarted without its upstream serves newcomers from its cache") {
  TestFleet f(shape(1, 1, 1));
  f.release(module("f", "1", 500000));
  REQUIRE(f.becomes("f", "1"));
  f.world.advance(5000);
  f.world.crash("c", Machine::Crash::power_loss);
  f.world.crash("s0", Machine::Crash::power_loss);
  f.world.restart("s0.k0");
  f.world.add_engine("newcomer");
  f.world.dial_up("newcomer", "s0.k0");
  CHECK(f.becomes_on("newcomer", "f", "1"));
  CHECK(f.becomes_on("s0.k0.e0", "f", "1"));
}

TEST_CASE("a gateway that lost power in the middle of nothing still has what it had served") {
  TestFleet f(shape(1, 0, 1));
  f.release(module("f", "1", 500000));
  REQUIRE(f.becomes("f", "1"));
  f.world.advance(kMinute);
  f.world.crash("c");
  f.world.crash("s0", Machine::Crash::power_loss);
  f.world.restart("s0");
  f.world.add_engine("newcomer");
  f.world.dial_up("newcomer", "s0");
  CHECK(f.becomes_on("newcomer", "f", "1"));
}

TEST_CASE("an engine with a state folder restarted without any link serves its last desired state") {
  TestFleet f(shape(1, 0, 1, true));
  f.release(module("f", "1"));
  f.release(module("g", "1"), "", "configured");
  REQUIRE(f.becomes("f", "1"));
  REQUIRE(f.becomes("g", "1"));
  f.world.advance(2 * kMinute);
  f.world.crash("s0", Machine::Crash::power_loss);
  f.world.crash("s0.e0", Machine::Crash::power_loss);
  f.world.restart("s0.e0");
  CHECK(f.becomes("f", "1"));
  CHECK(f.becomes("g", "1"));
  CHECK(f.world.serving("s0.e0", "g")->config.view() == "configured");
}

TEST_CASE("what an engine could not write of a manifest is written when there is room, and serves after a restart") {
  TestFleet f(shape(1, 0, 1, true));
  f.world.advance(1000);
  Disk& disk = f.world.at("s0.e0").disk();
  // Full just when the manifest is written: after the desired state, which the engine acts on.
  bool state_written = false;
  f.world.trace().observer = [&](const Occurrence& o) {
    if (state_written || o.host != f.world.at("s0.e0").id() || !disk.image().records.contains("head")) return;
    state_written = true;
    disk.set_full(true);
  };
  f.release(module("f", "1", 1000));
  f.world.advance(3000);
  f.world.trace().observer = nullptr;
  REQUIRE(state_written);
  disk.set_full(false);
  REQUIRE(f.becomes("f", "1", kMinute));
  f.world.advance(kMinute);
  f.world.crash("s0", Machine::Crash::power_loss);
  f.world.crash("s0.e0", Machine::Crash::power_loss);
  f.world.restart("s0.e0");
  CHECK(f.becomes("f", "1", kMinute));
}

TEST_CASE("an engine without a state folder comes back empty and fetches all anew") {
  TestFleet f(shape(1, 0, 1));
  f.release(module("f", "1"));
  REQUIRE(f.becomes("f", "1"));
  f.world.restart("s0.e0");
  CHECK(f.world.version_on("s0.e0", "f") == "");
  CHECK(f.becomes("f", "1"));
}

TEST_CASE("an engine that was off for a week ends with exactly the desired state") {
  TestFleet f(shape(1, 1, 2, true));
  f.release(module("f", "1"));
  f.release(module("g", "1"));
  f.release(module("h", "1"));
  REQUIRE(f.becomes("h", "1"));
  f.world.advance(2 * kMinute);
  f.world.crash("s0.k0.e0");
  f.release(module("f", "2"));
  f.unpublish("g");
  f.release(module("i", "1"));
  f.world.advance(7 * kDay);
  f.world.restart("s0.k0.e0");
  CHECK(f.becomes("f", "2"));
  CHECK(f.becomes("g", ""));
  CHECK(f.becomes("h", "1"));
  CHECK(f.becomes("i", "1"));
}

TEST_CASE("a kill of any tier at any moment of a publish, and its restart, still ends with all as published") {
  const std::vector<std::string> tiers = {"c", "s0", "s0.k0", "s0.k0.e0"};
  std::uint64_t seed = 1000;
  for (const auto& tier : tiers) {
    for (Machine::Crash how : {Machine::Crash::kill, Machine::Crash::power_loss}) {
      for (std::int64_t at_ms : {5, 12, 20, 30, 45, 60, 90, 150}) {
        CAPTURE(tier);
        CAPTURE(at_ms);
        CAPTURE(int(how));
        TestFleet f(shape(1, 1, 2, true), seeded(++seed));
        f.release(module("f", "1", 400000));
        REQUIRE(f.becomes("f", "1"));
        f.world.advance(2 * kMinute);
        const std::uint64_t id = f.world.publish("c", module("f", "2", 900000));
        f.world.advance(at_ms);
        const auto* published = f.world.answer<wire::Published>("c", id);
        const bool promised = published && published->code == PINNATE_OK;
        f.world.crash(tier, how);
        f.world.advance(3000);
        f.world.restart(tier);
        if (!promised && tier == "c") f.release(module("f", "2", 900000));
        CHECK(f.becomes("f", "2", 2 * kMinute));
        CHECK(f.eventually([&] { return f.status().online == 2 && f.status().offline == 0; }));
      }
    }
  }
}

TEST_CASE("completions of the life before do a restarted tier no harm") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    TestFleet f(shape(1, 0, 2, true), seeded(seed));
    for (const char* tier : {"c", "s0", "s0.e0", "s0.e1"}) f.world.at(tier).deliver_strays(true);
    f.world.publish("c", module("f", "1", 600000));
    f.world.advance(std::int64_t(seed) * 4);
    for (const char* tier : {"c", "s0", "s0.e0"}) f.world.restart(tier);
    f.release(module("f", "1", 600000));
    CHECK(f.becomes("f", "1", 2 * kMinute));
  }
}

TEST_CASE("a controller restored from an old backup starts an epoch of its own, and the fleet follows it as one") {
  TestFleet f(shape(2, 1, 2, true));
  f.release(module("f", "1"));
  f.release(module("kept", "1"));
  REQUIRE(f.becomes("kept", "1"));
  const DiskImage backup = f.world.backup("c");
  f.release(module("f", "2"));
  f.release(module("lost", "1"));
  REQUIRE(f.becomes("f", "2"));
  REQUIRE(f.becomes("lost", "1"));
  const auto before = f.status().position;
  f.world.advance(2 * kMinute);
  f.world.crash("c");
  f.world.restore_backup("c", backup);
  f.world.restart("c");
  CHECK(f.becomes("f", "1", 2 * kMinute));
  CHECK(f.becomes("lost", "", 2 * kMinute));
  CHECK(f.becomes("kept", "1", 2 * kMinute));
  const auto status = f.status();
  CHECK(status.position.epoch > before.epoch);
  CHECK_FALSE(status.notices.empty());
  f.release(module("f", "3"));
  CHECK(f.becomes("f", "3"));
}

TEST_CASE("what a restored copy lost is listed, also where the engine is right below and moves on at once") {
  for (const bool gateway : {false, true}) {
    TestFleet f(shape(gateway, 0, 1, true));
    if (!gateway) {
      f.world.add_engine("e", shape(0, 0, 1, true).engine, {});
      f.world.dial_up("e", "c");
    }
    f.release(module("a", "1"));
    REQUIRE(f.becomes("a", "1"));
    const DiskImage backup = f.world.backup("c");
    const std::uint64_t number = f.release(module("b", "1"));
    REQUIRE(f.becomes("b", "1"));
    f.world.crash("c");
    f.world.restore_backup("c", backup);
    f.world.restart("c");
    CHECK(f.becomes("b", "", 2 * kMinute));
    f.world.advance(1000);
    wire::ListReleases ask;
    ask.name = "b";
    const auto list = f.world.ask<wire::Releases>("c", ask).releases;
    REQUIRE(list.size() == 1);
    CHECK(list[0].number == number);
    CHECK(list[0].version == "1");
    CHECK(list[0].ended == "lost with a restored copy");
  }
}

TEST_CASE("a controller restored and published to before its fleet is back still ends in one truth") {
  TestFleet f(shape(1, 1, 2, true));
  f.release(module("f", "1"));
  REQUIRE(f.becomes("f", "1"));
  const DiskImage backup = f.world.backup("c");
  f.release(module("f", "2"));
  REQUIRE(f.becomes("f", "2"));
  f.world.advance(2 * kMinute);
  f.world.crash("c");
  f.world.partition({"s0", "s0.k0", "s0.k0.e0", "s0.k0.e1"});
  f.world.restore_backup("c", backup);
  f.world.restart("c");
  f.release(module("f", "3"));
  f.world.advance(kMinute);
  f.world.heal();
  CHECK(f.becomes("f", "3", 5 * kMinute));
}

TEST_CASE("a tier that closes says goodbye, and everything ends within a bound") {
  TestFleet f(shape(1, 1, 2));
  f.release(module("f", "1"));
  REQUIRE(f.becomes("f", "1"));
  for (const char* tier : {"s0.k0.e0", "s0.k0", "s0", "c"}) {
    f.world.close(tier);
    CHECK(f.world.run_until([&] { return !f.world.at(tier).up(); }, 5000));
  }
}
