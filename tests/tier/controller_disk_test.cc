// A controller whose disk is not as it left it.
#include "driven.h"

#include "tier/desired_state.h"

using namespace pinnate;
using namespace pinnate::sim;

TEST_CASE("a controller whose desired state is damaged keeps every artifact until a copy is put back") {
  FleetShape s = shape(1, 0, 1);
  s.controller.artifact_limit_bytes = 100000;
  TestFleet f(s);
  for (int i = 0; i < 10; ++i) f.release(module("f" + std::to_string(i), "1", 100000));
  f.world.crash("c");
  DiskImage image = f.world.backup("c");
  REQUIRE(image.artifacts.size() == 10);
  const Buffer head = image.records.at("head");
  image.records["head"] = Buffer("spoiled");
  f.world.restore_backup("c", image);
  f.world.restart("c");
  f.world.advance(kMinute);
  CHECK(TestFleet::says(f.status().notices, "put back a copy"));
  CHECK(f.publish(module("g", "1", 100000)).code == PINNATE_CORRUPT);
  f.world.advance(kMinute);
  CHECK(f.world.at("c").disk().image().artifacts.size() == 10);

  f.world.crash("c");
  image = f.world.backup("c");
  image.records["head"] = head;
  f.world.restore_backup("c", image);
  f.world.restart("c");
  f.world.add_engine("newcomer");
  f.world.dial_up("newcomer", "c");
  for (int i = 0; i < 10; ++i) CHECK(f.becomes_on("newcomer", "f" + std::to_string(i), "1"));
}
