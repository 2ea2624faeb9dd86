// What a controller or gateway keeps on disk of the tiers that it knows.
#include "below.h"
#include "driven.h"

using namespace pinnate;
using namespace pinnate::sim;

namespace {

// Of a gateway with `engines` engines, which serve so many releases and fail as many, with many
// words.
std::vector<wire::Rollup> rollups(std::size_t releases, std::uint64_t engines) {
  std::vector<wire::Rollup> all;
  for (std::size_t release = 1; release <= releases; ++release) {
    if (all.empty() || all.back().rows.size() == 400) {
      all.emplace_back();
      all.back().online = engines;
      all.back().whole = all.size() == 1;
    }
    wire::ReleaseRow row;
    row.release = release;
    row.name = std::string(50, 'f') + std::to_string(release);
    row.version = std::string(50, '1');
    row.serving = engines;
    row.failed = engines;
    for (int i = 0; i < 4; ++i) row.failures.push_back({"engine" + std::to_string(i), std::string(500, 'x')});
    all.back().rows.push_back(std::move(row));
  }
  return all;
}

}  // namespace

TEST_CASE("however much is known of the tiers below, it is written in batches, one at a time") {
  constexpr std::size_t kGateways = 60;
  const std::vector<wire::Rollup> told = rollups(1000, 3);
  Driven d;
  for (std::size_t g = 0; g < kGateways; ++g) {
    const tier::LinkId link = d.link("gateway" + std::to_string(g));
    for (const wire::Rollup& rollup : told) d.say(link, rollup);
  }
  REQUIRE(d.status().online == 3 * kGateways);
  d.advance(1500);
  std::size_t batches = 0, refused = 0;
  for (int second = 0; second < 5; ++second) {
    while (!d.commits.empty()) {
      CHECK(d.commits.size() == 1);
      CHECK(d.front_bytes() < 5 * 1024 * 1024);
      // The second one is refused: what was in it comes again, and all else but once.
      const bool refuse = ++batches == 2;
      if (refuse) refused = d.commits.front().writes.size();
      if (batches > 2 && second > 0) CHECK(d.commits.front().writes.size() == refused);
      d.finish(refuse ? Status(PINNATE_TOO_LARGE, "more than fits") : Status());
    }
    d.advance(1000);
  }
  CHECK(batches >= 3);

  Driven again(d.disk);
  const auto status = again.status();
  CHECK(status.offline == 3 * kGateways);
  CHECK(status.gateways_offline == kGateways);
  REQUIRE(status.rows.size() == 1000);
  CHECK(status.rows[0].serving_offline == 3 * kGateways);
}

TEST_CASE("the stored count of the forgotten never runs ahead of the removals that it counts") {
  Below below(1000);
  auto& [actions, core, state, directory, links] = below;
  tier::Session session;
  session.peer.role = wire::Role::engine;
  const std::string words(400 * 1024, 'n');
  for (int i = 0; i < 40; ++i) {
    session.link = tier::LinkId(2 + 2 * i);
    session.peer.id = "engine" + std::to_string(100 + i);
    below.joined(session);
    wire::EngineStatus status;
    status.notice = words;
    CHECK(directory.take(session, status).ok());
    if (i % 2 == 0) directory.left(session, false);
  }
  core.set_now({10000, 1700000009000});
  core.ring_alarms();
  REQUIRE(directory.total().forgotten == 20);
  Restored disk;
  directory.records().begin_save();
  int batches = 0;
  for (auto changes = directory.records().take_changes(); !changes.writes.empty();
       changes = directory.records().take_changes()) {
    ++batches;
    for (const RecordWrite& write : changes.writes)
      if (write.value) disk.records[write.key] = *write.value;
    std::uint64_t removed = 0;
    for (const auto& [id, forgotten] : changes.children) removed += forgotten;
    if (batches == 1) {
      CHECK(disk.records["forgotten"].str() == std::to_string(removed));
      // As if it had not been written: its part waits, and is not counted by the others.
      directory.records().changes_failed(changes);
    }
  }
  CHECK(batches >= 2);
  CHECK(directory.records().unsaved());
  CHECK(disk.records["forgotten"].str() != "20");
  directory.records().begin_save();
  while (true) {
    auto changes = directory.records().take_changes();
    if (changes.writes.empty()) break;
    for (const RecordWrite& write : changes.writes)
      if (write.value) disk.records[write.key] = *write.value;
  }
  CHECK(disk.records["forgotten"].str() == "20");
}

TEST_CASE("who never comes back is forgotten in time, however often the tiers above restart") {
  FleetShape s = shape(1, 0, 2);
  s.controller.forget_after_ms = s.gateway.forget_after_ms = kHour;
  TestFleet f(s);
  REQUIRE(f.eventually([&] { return f.status().online == 2; }));
  f.world.crash("s0.e1", Machine::Crash::power_loss);
  for (int i = 0; i < 5; ++i) {
    f.world.advance(10 * kMinute);
    if (i % 2 == 1) {
      f.world.close("s0");
      REQUIRE(f.world.run_until([&] { return !f.world.at("s0").up(); }, 5000));
    }
    f.world.restart("s0");
    f.world.restart("c");
  }
  f.world.advance(kMinute);
  CHECK(f.status().online == 1);
  CHECK(f.status().offline == 1);
  f.world.advance(11 * kMinute);
  CHECK(f.status().online == 1);
  CHECK(f.status().offline == 0);
  CHECK(f.status().forgotten == 1);
}

TEST_CASE("an ephemeral engine is forgotten however it ends, and no record of it is left") {
  FleetShape s = shape(1, 0, 2);
  s.engine.ephemeral = true;
  TestFleet f(s);
  REQUIRE(f.eventually([&] { return f.status().online == 2; }));
  f.world.crash("s0.e1", Machine::Crash::power_loss);  // no link says goodbye
  CHECK(f.eventually([&] { return f.status().online == 1; }));
  CHECK(f.status().offline == 0);
  CHECK(f.status().forgotten == 0);  // not one of those that ought to have come back
  f.world.advance(kMinute);
  const DiskImage image = f.world.backup("s0");
  CHECK_FALSE(image.records.contains("known/s0.e0"));
  f.world.crash("s0");
  f.world.crash("s0.e0");
  f.world.restart("s0");
  f.world.advance(kMinute);
  CHECK(f.status().online == 0);
  CHECK(f.status().offline == 0);
}

TEST_CASE(
    "a clock that jumped while a gateway was down, or a record of before, changes the forget time within its bounds") {
  FleetShape s = shape(1, 0, 2);
  s.controller.forget_after_ms = s.gateway.forget_after_ms = kHour;
  for (const char* what : {"back", "ahead", "no record"}) {
    CAPTURE(what);
    TestFleet f(s);
    REQUIRE(f.eventually([&] { return f.status().online == 2; }));
    f.world.crash("s0.e1", Machine::Crash::power_loss);
    f.world.advance(20 * kMinute);
    f.world.crash("s0");
    DiskImage image = f.world.backup("s0");
    REQUIRE(image.records.contains("offline/s0.e1"));
    CHECK_FALSE(image.records.contains("offline/s0.e0"));
    if (what == std::string("back")) f.world.clock_jump("s0", -10 * kHour);
    if (what == std::string("ahead")) f.world.clock_jump("s0", 10 * kHour);
    if (what == std::string("no record")) image.records.erase("offline/s0.e1");
    f.world.restore_backup("s0", image);
    f.world.restart("s0");
    f.world.advance(kMinute);
    CHECK(f.status().online == 1);
    const bool ahead = what == std::string("ahead");
    CHECK(f.status().offline == (ahead ? 0 : 1));
    f.world.advance(55 * kMinute);
    CHECK(f.status().offline == (ahead ? 0 : 1));
    f.world.advance(10 * kMinute);
    CHECK(f.status().online == 1);
    CHECK(f.status().offline == 0);
    CHECK(f.status().forgotten == 1);
  }
}

TEST_CASE("of too many that are offline the longest gone are forgotten, and counted as such") {
  Below below(86400000);
  auto& [actions, core, state, directory, links] = below;
  tier::Session session;
  session.peer.role = wire::Role::engine;
  for (std::size_t i = 0; i < tier::kOfflineKept + 50; ++i) {
    core.set_now({std::int64_t(1000 + i), std::int64_t(1700000000000 + i)});
    session.link = tier::LinkId(2 + 2 * i);
    session.peer.id = "engine" + std::to_string(i);
    below.joined(session);
    directory.left(session, false);
  }
  CHECK(directory.children().size() == tier::kOfflineKept);
  CHECK(directory.total().offline == tier::kOfflineKept);
  CHECK(directory.total().forgotten == 50);
  CHECK(directory.find("engine49") == nullptr);
  CHECK(directory.find("engine50") != nullptr);
}

TEST_CASE("of those that are offline no more is kept than a limit of bytes, and never fewer than one") {
  constexpr std::size_t kSaid = 100 * 1024;
  for (const std::size_t fit : {std::size_t(5), std::size_t(0)}) {
    Below below(86400000, fit * (kSaid + 4096) + 1024);
    auto& [actions, core, state, directory, links] = below;
    tier::Session session;
    session.peer.role = wire::Role::engine;
    wire::EngineStatus status;
    status.notice = std::string(kSaid, 'n');
    for (std::size_t i = 0; i < 20; ++i) {
      core.set_now({std::int64_t(1000 + i), std::int64_t(1700000000000 + i)});
      session.link = tier::LinkId(2 + 2 * i);
      session.peer.id = "engine" + std::to_string(i);
      below.joined(session);
      REQUIRE(directory.take(session, status).ok());
      directory.left(session, false);
    }
    const std::size_t kept = fit == 0 ? 1 : fit;
    CHECK(directory.children().size() == kept);
    CHECK(directory.total().forgotten == 20 - kept);
    CHECK(directory.find("engine" + std::to_string(19 - kept)) == nullptr);
    CHECK(directory.find("engine19") != nullptr);
    // Who comes back counts no longer, and comes to count again: the sum neither drifts nor wraps.
    for (int round = 0; round < 50; ++round) {
      below.joined(session);
      directory.left(session, false);
    }
    CHECK(directory.children().size() == kept);
  }
}

namespace {

bool twin_shown(TestFleet& f) {
  return TestFleet::says(f.status({}, "s0").notices, "two tiers call themselves 's0.e0'");
}

// A second engine under the id of s0.e0, and the notice of it.
void add_twin(TestFleet& f) {
  REQUIRE(f.eventually([&] { return f.status().online == 1; }));
  tier::EngineOptions same_id;
  same_id.tier.id = "s0.e0";
  f.world.add_engine("twin", same_id);
  f.world.dial_up("twin", "s0");
  REQUIRE(f.eventually([&] { return twin_shown(f); }));
}

}  // namespace

TEST_CASE("the notice of two tiers under one id ends when the second has not tried for a while") {
  TestFleet f(shape(1, 0, 1));
  add_twin(f);
  f.world.advance(kHour);
  CHECK(twin_shown(f));
  f.world.crash("twin");
  f.world.advance(5 * kMinute);
  CHECK(twin_shown(f));
  f.world.advance(6 * kMinute);
  CHECK_FALSE(twin_shown(f));
}

TEST_CASE("the notice of two tiers under one id ends when that id is forgotten") {
  FleetShape s = shape(1, 0, 1);
  s.controller.forget_after_ms = s.gateway.forget_after_ms = kMinute;
  TestFleet f(s);
  add_twin(f);
  f.world.crash("twin");
  f.world.crash("s0.e0");
  f.world.advance(50000);
  CHECK(twin_shown(f));
  f.world.advance(20000);
  CHECK_FALSE(twin_shown(f));
}

TEST_CASE("what a tier below says under names that nobody could have published is not taken") {
  Below below(1000);
  auto& [actions, core, state, directory, links] = below;
  tier::Session engine, gateway;
  engine.peer.role = wire::Role::engine;
  engine.peer.id = "e";
  engine.link = 2;
  gateway.peer.role = wire::Role::gateway;
  gateway.peer.id = "below";
  gateway.link = 4;
  below.joined(engine);
  below.joined(gateway);

  wire::EngineStatus status;
  status.rows = {{1, "f", "1", wire::Phase::live, true, ""}};
  CHECK(directory.take(engine, status).ok());
  status.rows.push_back({2, std::string(4096, 'f'), "1", wire::Phase::live, true, ""});
  CHECK(!directory.take(engine, status).ok());
  status.rows[1] = {2, "f", std::string(4096, '1'), wire::Phase::live, true, ""};
  CHECK(!directory.take(engine, status).ok());

  wire::Rollup rollup;
  wire::ReleaseRow row;
  row.release = 3;
  row.name = "f";
  row.version = "1";
  row.failed = 1;
  row.failures = {{"e2", "said no"}};
  rollup.rows = {row};
  CHECK(directory.take(gateway, rollup).ok());
  rollup.rows[0].failures[0].engine = std::string(4096, 'e');
  CHECK(!directory.take(gateway, rollup).ok());
  row.failed = 0;
  row.failures.clear();
  rollup.rows = {row};  // it removes one
  CHECK(directory.take(gateway, rollup).ok());
  row.failed = 1;

  // As many as fit a message, again and again, each time others.
  rollup.whole = false;
  for (std::uint64_t i = 0; i < 40000; i += 400) {
    rollup.rows.clear();
    for (std::uint64_t n = 0; n < 400; ++n) {
      row.release = 10 + i + n;
      row.failures = {{"e2", std::string(500, 'x')}, {"e3", std::string(500, 'x')}};
      rollup.rows.push_back(row);
    }
    CHECK(directory.take(gateway, rollup).ok());
  }
  CHECK(directory.tally().rows().size() < 5000);
}
