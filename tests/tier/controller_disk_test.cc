// A controller whose disk is not as it left it.
#include "driven.h"

#include "tier/desired_state.h"
#include "tier/history.h"

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

TEST_CASE("a release older than the history goes back is not listed as lost") {
  // The history is full, and engines still serve a release that it gave up, and one that it never had.
  constexpr std::uint64_t kGivenUp = 5, kLost = 20001;
  Restored disk;
  for (std::uint64_t i = 0; i < 20000; ++i) {
    wire::ReleaseFacts facts;
    facts.number = 10000 + 2 * i;
    facts.name = "f";
    facts.ended = "withdrawn";
    std::vector<RecordWrite> writes;
    tier::History().add(facts, {}, &writes);
    for (const RecordWrite& write : writes) disk.records[write.key] = *write.value;
  }
  tier::DesiredState state;
  state.decide(1, 60000, {}, {});
  for (const RecordWrite& write : state.changes_since({})) disk.records[write.key] = *write.value;

  Driven d(disk);
  const tier::LinkId link = d.link("g");
  int given_up = 0, lost = 0;
  for (std::uint64_t engines = 1; engines <= 5; ++engines) {
    wire::Rollup rollup;
    rollup.online = engines;
    for (std::uint64_t release : {kGivenUp, kLost}) {
      wire::ReleaseRow row;
      row.release = release;
      row.name = "f";
      row.serving = engines;
      rollup.rows.push_back(row);
    }
    d.say(link, rollup);
    d.advance(1500);
    while (!d.commits.empty()) {
      for (const RecordWrite& write : d.commits.front().writes) {
        given_up += write.key == "history/00000000000000000005";
        lost += write.key == "history/00000000000000020001";
      }
      d.finish({});
    }
  }
  CHECK(given_up == 0);
  CHECK(lost == 1);
}
