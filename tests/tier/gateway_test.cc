// What a gateway keeps for when it has no upstream.
#include "fleet.h"

using namespace pinnate;
using namespace pinnate::sim;

TEST_CASE(
    "a gateway whose disk fails tries again after a pause that grows, however often its state changes meanwhile") {
  TestFleet f(shape(1, 0, 0));
  f.release(module("f", "1", 1000));
  f.world.advance(10000);
  Disk& disk = f.world.at("s0").disk();
  disk.fail_next(1000000, PINNATE_IO);
  const std::uint64_t before = disk.faults_seen().failed;
  for (int i = 0; i < 300; ++i) {
    f.release(module("f", "1", 1000), "", "configuration " + std::to_string(i));
    f.world.advance(200);
  }
  CHECK(disk.faults_seen().failed - before <= 30);
  CHECK(TestFleet::says(f.status().notices, "'s0': cannot write to disk"));
  disk.fail_next(0, PINNATE_IO);
  f.world.advance(kMinute);
  CHECK_FALSE(TestFleet::says(f.status().notices, "cannot write to disk"));
}

TEST_CASE("labels from above that a gateway could not write once are there after a restart without an upstream") {
  TestFleet f(shape(0, 0, 0));
  tier::GatewayOptions above;
  above.tier.labels = {{"region", "eu"}};
  f.world.add_gateway("site", above);
  f.world.add_gateway("near");
  f.world.dial_up("site", "c");
  f.world.disk_full("near", true);
  f.world.dial_up("near", "site");
  f.world.add_engine("e");
  f.world.dial_up("e", "near");
  f.world.advance(5000);
  f.world.disk_full("near", false);
  f.release(module("f", "1"), "region=eu");
  REQUIRE(f.becomes("f", "1"));
  f.world.advance(2 * kMinute);
  f.world.crash("site");
  f.world.restart("near");
  f.world.restart("e");
  CHECK(f.becomes("f", "1"));
}

TEST_CASE("a gateway says which of its records it cannot read, and fetches anew what they held") {
  FleetShape s = shape(1, 1, 1);
  s.gateway.tier.labels = {{"region", "eu"}};
  TestFleet f(s);
  f.release(module("f", "1"));
  REQUIRE(f.becomes("f", "1"));
  f.world.advance(kMinute);
  f.world.crash("s0.k0");
  DiskImage image = f.world.at("s0.k0").disk().image();
  for (auto& [key, value] : image.records)
    if (key == "context" || key.starts_with("manifest/")) value = Buffer("of another version");
  f.world.restore_backup("s0.k0", image);
  f.world.restart("s0.k0");
  CHECK(f.logged("s0.k0: the record 'context', the labels from above, cannot be read"));
  CHECK(f.logged("s0.k0: the record 'manifest/"));
  f.world.restart("s0.k0.e0");
  CHECK(f.becomes("f", "1"));
}
