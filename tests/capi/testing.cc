// A host's fleet in virtual time: what is live where, through everything that can be done to it.
#include "testing_world.h"

#include "answers.h"
#include "world.h"

#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace {

const pinnate_release_status* row_of(const pinnate_rollup* rollup, std::uint64_t release) {
  for (std::size_t i = 0; i < rollup->release_count; i++)
    if (rollup->releases[i]->number == release) return rollup->releases[i];
  return nullptr;
}

}  // namespace

TEST_CASE("a fleet has the shape that was asked for, each tier after the one that it dials") {
  TestingFleet fleet(2, 2, 3);
  fleet.open();
  const pinnate_testing_tier* const* tiers;
  std::size_t count;
  REQUIRE(pinnate_testing_tiers(fleet, &tiers, &count) == PINNATE_OK);
  CHECK(count == 1 + 2 + 4 + 12);
  std::map<std::string, int> seen;
  std::map<pinnate_role, int> roles;
  for (std::size_t i = 0; i < count; i++) {
    CHECK((std::string(tiers[i]->parent).empty() || seen.count(tiers[i]->parent)));
    seen[tiers[i]->name] = 1;
    roles[tiers[i]->role]++;
  }
  CHECK(roles[PINNATE_ROLE_ENGINE] == 12);
  CHECK(seen.count("s1.k1.e2"));
  CHECK(std::string(tiers[0]->name) == "c");
}

TEST_CASE("a fleet may be as deep as eight gateways, or engines stand below their site") {
  for (const std::uint32_t depth : {1u, 3u, 8u}) {
    TestingFleet fleet(2, depth == 1 ? 0 : 1, 2);
    fleet.options.depth = depth;
    fleet.open();
    fleet.publish_live("1.0.0", "bytes");
    CHECK(fleet.count("1.0.0") == 4);
    const char* const engine = depth == 1 ? "s1.e1" : depth == 3 ? "s1.r0.k0.e1" : "s1.r0.r0.r0.r0.r0.r0.k0.e1";
    CHECK(fleet.call("x", engine) == "greet@1.0.0:x");
  }
}

TEST_CASE("what is published goes live everywhere, is called anywhere, and is told by engine, roll-up and lookup") {
  TestingFleet fleet;
  fleet.open();
  CHECK(fleet.now() == 0);
  const std::uint64_t release = fleet.publish_live("1.0.0", "bytes");
  CHECK(fleet.count("1.0.0") == 12);
  CHECK(fleet.version_on("s0.k1.e2") == "1.0.0");
  CHECK(fleet.call("hello") == "greet@1.0.0:hello");
  CHECK(fleet.call("hello", "s1.k0.e0") == "greet@1.0.0:hello");
  CHECK(fleet.call("hello", nullptr, "s1.k0.e0") == "greet@1.0.0:hello");
  CHECK(fleet.now() > 0);

  const pinnate_rollup* rollup;
  REQUIRE(pinnate_testing_status(fleet, nullptr, "greet", &rollup) == PINNATE_OK);
  CHECK(std::string(rollup->id) == "c");
  CHECK(rollup->online_engines == 12);
  REQUIRE(row_of(rollup, release));
  CHECK(row_of(rollup, release)->phases[PINNATE_PHASE_LIVE] == 12);
  REQUIRE(pinnate_testing_status(fleet, "s1", nullptr, &rollup) == PINNATE_OK);
  CHECK(rollup->online_engines == 6);

  const pinnate_row* engine;
  REQUIRE(pinnate_testing_engine(fleet, "s0.k0.e1", &engine) == PINNATE_OK);
  CHECK(std::string(engine->id) == "s0.k0.e1");
  REQUIRE(engine->service_count == 1);
  CHECK(engine->services[0]->phase == PINNATE_PHASE_LIVE);
  CHECK(engine->services[0]->serving);

  pinnate_lookup lookup = PINNATE_LOOKUP_INIT;
  lookup.limit = 5;
  const pinnate_row* const* rows;
  std::size_t count, all = 0;
  const char* next = "";
  std::string cursor;
  do {
    REQUIRE(pinnate_testing_lookup(fleet, nullptr, &lookup, &rows, &count, &next) == PINNATE_OK);
    all += count;
    cursor = next;
    lookup.cursor = cursor.c_str();
  } while (!cursor.empty());
  CHECK(all == 12);

  REQUIRE(pinnate_testing_unpublish(fleet, "greet", 0) == PINNATE_OK);
  REQUIRE(pinnate_testing_advance(fleet, 1000) == PINNATE_OK);
  CHECK(fleet.count() == 0);
  fleet.call("hello");
  CHECK(fleet.last == PINNATE_NOT_FOUND);
  CHECK(pinnate_testing_unpublish(fleet, "greet", 0) == PINNATE_NOT_FOUND);
}

TEST_CASE("labels, platforms, folders and latencies are set tier by tier, and sites' labels hold for what is below") {
  TestingFleet fleet;
  fleet.options.describe = [](void*, pinnate_testing_tier* tier) {
    static const pinnate_label eu{sizeof eu, "region", "eu"};
    static const pinnate_label* const labels = &eu;
    if (std::strcmp(tier->name, "s1") == 0) tier->labels = &labels, tier->label_count = 1, tier->latency_us = 100000;
    if (std::strcmp(tier->name, "s1.k0.e0") == 0) tier->platform = "linux-of-another-kind";
    if (std::strcmp(tier->name, "s0.k0.e0") == 0) tier->durable = 1;
  };
  fleet.open();
  const pinnate_artifact artifact{sizeof artifact, pinnate_platform(), nullptr, {"x", 1}};
  const pinnate_artifact* const artifacts = &artifact;
  pinnate_publish order = PINNATE_PUBLISH_INIT;
  order.name = "greet";
  order.version = "1.0.0";
  order.selector = "region=eu";
  order.artifacts = &artifacts;
  order.artifact_count = 1;
  pinnate_published published = PINNATE_PUBLISHED_INIT;
  REQUIRE(pinnate_testing_publish(fleet, &order, &published) == PINNATE_OK);
  CHECK(pinnate_testing_wait_live(fleet, published.release, 0, 10000) == PINNATE_TIMEOUT);
  CHECK(says("is served by 5 of 6 engines; 's1.k0.e0': incompatible: "));
  CHECK(pinnate_testing_wait_live(fleet, published.release, 5, 0) == PINNATE_OK);
  CHECK(pinnate_testing_wait_live(fleet, published.release, 7, 0) == PINNATE_INVALID);
  CHECK(says("selects 6 of the engines that are up, not 7"));
  CHECK(fleet.version_on("s0.k0.e1") == "");

  std::uint64_t before = fleet.now();
  fleet.call("far", "s1.k1.e1");
  CHECK(fleet.now() - before >= 200);
  // Only the durable engine has what it had, before it is linked again.
  fleet.publish_live("2.0.0", "y");
  REQUIRE(pinnate_testing_kill(fleet, "s0.k0") == PINNATE_OK);
  for (const char* engine : {"s0.k0.e0", "s0.k0.e1"}) REQUIRE(pinnate_testing_restart(fleet, engine) == PINNATE_OK);
  REQUIRE(pinnate_testing_advance(fleet, 1000) == PINNATE_OK);
  CHECK(fleet.version_on("s0.k0.e0") == "2.0.0");
  CHECK(fleet.version_on("s0.k0.e1") == "");
}

TEST_CASE("a release is live when those serve it for which it is the newest, not those that a newer one covers") {
  TestingFleet fleet;
  fleet.options.describe = [](void*, pinnate_testing_tier* tier) {
    static const pinnate_label canary{sizeof canary, "ring", "canary"};
    static const pinnate_label* const labels = &canary;
    if (std::strcmp(tier->name, "s1.k1") == 0) tier->labels = &labels, tier->label_count = 1;
  };
  fleet.open();
  const std::uint64_t first = fleet.publish_live("1.0.0", "one");
  const std::uint64_t second = fleet.publish_live("2.0.0", "two", "ring=canary");
  CHECK(fleet.count("1.0.0") == 9);
  CHECK(fleet.count("2.0.0") == 3);
  CHECK(pinnate_testing_wait_live(fleet, first, 0, 0) == PINNATE_OK);
  CHECK(pinnate_testing_wait_live(fleet, first, 10, 0) == PINNATE_INVALID);
  REQUIRE(pinnate_testing_unpublish(fleet, "greet", second) == PINNATE_OK);
  CHECK(pinnate_testing_wait_live(fleet, first, 12, 10000) == PINNATE_OK);
  CHECK(fleet.count("1.0.0") == 12);
}

TEST_CASE("the same seed and the same calls give the same run, another seed another") {
  const auto run = [](std::uint64_t seed) {
    TestingFleet fleet;
    fleet.options.seed = seed;
    std::string log;
    fleet.options.log = [](void* arg, pinnate_log_level, const char* line) {
      *static_cast<std::string*>(arg) += std::string(line) + "\n";
    };
    fleet.options.log_arg = &log;
    fleet.open();
    fleet.publish_live("1.0.0", "bytes");
    CHECK(pinnate_testing_kill(fleet, "s0") == PINNATE_OK);
    CHECK(pinnate_testing_advance(fleet, 5000) == PINNATE_OK);
    return log + std::to_string(fleet.now());
  };
  const std::string first = run(7);
  CHECK(first.find("s0.k0: ") != std::string::npos);
  CHECK(first == run(7));
  CHECK(first != run(8));
}

TEST_CASE("a site that is apart keeps what it has, and catches up when the network is whole") {
  TestingFleet fleet;
  fleet.open();
  fleet.publish_live("1.0.0", "one");
  REQUIRE(pinnate_testing_partition(fleet, "s1") == PINNATE_OK);
  REQUIRE(fleet.publish("2.0.0", "two") == PINNATE_OK);
  CHECK(pinnate_testing_wait_live(fleet, fleet.published.release, 0, 30000) == PINNATE_TIMEOUT);
  CHECK(says("is served by 6 of 12 engines; 's1.k0.e0': has not heard of it"));
  CHECK(fleet.count("1.0.0") == 6);
  const pinnate_rollup* rollup;
  REQUIRE(pinnate_testing_status(fleet, nullptr, "greet", &rollup) == PINNATE_OK);
  CHECK(rollup->online_engines == 6);
  REQUIRE(pinnate_testing_heal(fleet) == PINNATE_OK);
  CHECK(pinnate_testing_wait_live(fleet, fleet.published.release, 0, 60000) == PINNATE_OK);
  CHECK(pinnate_testing_wait_online(fleet, 0) == PINNATE_OK);
}

TEST_CASE("a link that is cut comes back by itself") {
  TestingFleet fleet;
  fleet.open();
  fleet.publish_live("1.0.0", "one");
  REQUIRE(pinnate_testing_cut(fleet, "c", "s0") == PINNATE_OK);
  REQUIRE(pinnate_testing_advance(fleet, 1) == PINNATE_OK);
  CHECK(pinnate_testing_wait_online(fleet, 0) == PINNATE_TIMEOUT);
  CHECK(says("12 engines are up, and the controller counts 6 online"));
  CHECK(pinnate_testing_wait_online(fleet, 30000) == PINNATE_OK);
}

TEST_CASE("tiers that are killed, stopped or without power are down until they are started again") {
  TestingFleet fleet;
  fleet.options.durable = 1;
  fleet.open();
  fleet.publish_live("1.0.0", "one");
  REQUIRE(pinnate_testing_kill(fleet, "s0.k0.e0") == PINNATE_OK);
  REQUIRE(pinnate_testing_lose_power(fleet, "s0.k0.e1") == PINNATE_OK);
  REQUIRE(pinnate_testing_stop(fleet, "s0.k0.e2") == PINNATE_OK);
  REQUIRE(pinnate_testing_advance(fleet, 1000) == PINNATE_OK);
  std::uint32_t lives = 0;
  for (const char* engine : {"s0.k0.e0", "s0.k0.e1", "s0.k0.e2"}) {
    CHECK_FALSE(fleet.is_up(engine, &lives));
    CHECK(lives == 1);
    CHECK(fleet.version_on(engine) == "");
    CHECK(pinnate_testing_kill(fleet, engine) == PINNATE_UNREACHABLE);
    const pinnate_row* row;
    CHECK(pinnate_testing_engine(fleet, engine, &row) == PINNATE_UNREACHABLE);
    CHECK(says("is down"));
  }
  CHECK(fleet.count("1.0.0") == 9);
  for (const char* engine : {"s0.k0.e0", "s0.k0.e1", "s0.k0.e2"})
    REQUIRE(pinnate_testing_restart(fleet, engine) == PINNATE_OK);
  CHECK(pinnate_testing_wait_online(fleet, 60000) == PINNATE_OK);
  CHECK(fleet.is_up("s0.k0.e1", &lives));
  CHECK(lives == 2);

  // What was acknowledged is kept by a controller without power.
  REQUIRE(fleet.publish("2.0.0", "two") == PINNATE_OK);
  REQUIRE(pinnate_testing_lose_power(fleet, "c") == PINNATE_OK);
  CHECK(fleet.publish("3.0.0", "three") == PINNATE_UNREACHABLE);
  CHECK(says("'c' is down"));
  REQUIRE(pinnate_testing_restart(fleet, "c") == PINNATE_OK);
  REQUIRE(pinnate_testing_wait_live(fleet, fleet.published.release, 0, 120000) == PINNATE_OK);
  CHECK(fleet.count("2.0.0") == 12);
}

TEST_CASE("a failure that is injected is told in its words, counted, and cured") {
  TestingFleet fleet;
  fleet.open();
  fleet.publish_live("1.0.0", "one");
  REQUIRE(fleet.inject("2.0.0", PINNATE_TESTING_HEALTH, PINNATE_TESTING_FAILS, "s0.k0.e1") == PINNATE_OK);
  REQUIRE(fleet.publish("2.0.0", "two") == PINNATE_OK);
  const std::uint64_t release = fleet.published.release;
  CHECK(pinnate_testing_wait_live(fleet, release, 0, 10000) == PINNATE_TIMEOUT);
  CHECK(says(
      "11 of 12 engines; 's0.k0.e1': failed: module 'greet' 2.0.0: its health check failed: injected by the test"));
  CHECK(fleet.version_on("s0.k0.e1") == "1.0.0");
  const pinnate_rollup* rollup;
  REQUIRE(pinnate_testing_status(fleet, nullptr, "greet", &rollup) == PINNATE_OK);
  const pinnate_release_status* row = row_of(rollup, release);
  REQUIRE(row);
  CHECK(row->phases[PINNATE_PHASE_FAILED] == 1);
  REQUIRE(row->failure_count == 1);
  CHECK(std::string(row->failures[0]->engine) == "s0.k0.e1");
  REQUIRE(pinnate_testing_cure(fleet, "greet", "2.0.0") == PINNATE_OK);
  CHECK(pinnate_testing_wait_live(fleet, release, 0, 300000) == PINNATE_OK);
  CHECK(pinnate_testing_cure(fleet, "greet", "2.0.0") == PINNATE_NOT_FOUND);
}

TEST_CASE("a module that is made to fail when it is loaded fails so, in the words that were injected") {
  TestingFleet fleet(1, 1, 2);
  fleet.open();
  fleet.publish_live("1.0.0", "one");
  REQUIRE(fleet.inject("2.0.0", PINNATE_TESTING_LOAD, PINNATE_TESTING_FAILS, "s0.k0.e1") == PINNATE_OK);
  REQUIRE(fleet.publish("2.0.0", "two") == PINNATE_OK);
  CHECK(pinnate_testing_wait_live(fleet, fleet.published.release, 0, 10000) == PINNATE_TIMEOUT);
  CHECK(says("1 of 2 engines; 's0.k0.e1': failed: module 'greet' 2.0.0: injected by the test"));
  CHECK(fleet.version_on("s0.k0.e1") == "1.0.0");
  REQUIRE(pinnate_testing_cure(fleet, "greet", "2.0.0") == PINNATE_OK);
  CHECK(pinnate_testing_wait_live(fleet, fleet.published.release, 0, 300000) == PINNATE_OK);
}

TEST_CASE("what fails only the first times goes well then, each time that it is injected") {
  TestingFleet fleet(1, 1, 2);
  fleet.open();
  for (const char* version : {"1.0.0", "2.0.0"}) {
    for (int again = 0; again < 2; again++) {
      REQUIRE(fleet.inject(version, PINNATE_TESTING_CREATE, PINNATE_TESTING_FAILS, nullptr, 2) == PINNATE_OK);
      const std::string bytes = version + std::string("/") + std::to_string(again);
      if (again == 0) {
        const std::uint64_t before = fleet.now();
        fleet.publish_live(version, bytes);
        CHECK(fleet.now() - before > 1000);  // two failures, each with its backoff
      }
      REQUIRE(pinnate_testing_cure(fleet, "greet", version) == PINNATE_OK);
    }
  }
}

TEST_CASE("a module that is slow, hangs or kills its engine does so on that engine") {
  TestingFleet fleet(1, 1, 3);
  fleet.open();
  REQUIRE(fleet.inject("1.0.0", PINNATE_TESTING_CALL, PINNATE_TESTING_SLOW, "s0.k0.e0", 0, 2000) == PINNATE_OK);
  REQUIRE(fleet.inject("1.0.0", PINNATE_TESTING_CALL, PINNATE_TESTING_HANGS, "s0.k0.e1") == PINNATE_OK);
  REQUIRE(fleet.inject("1.0.0", PINNATE_TESTING_CALL, PINNATE_TESTING_KILLS, "s0.k0.e2", 1) == PINNATE_OK);
  fleet.publish_live("1.0.0", "one");
  const std::uint64_t before = fleet.now();
  CHECK(fleet.call("x", "s0.k0.e0") == "greet@1.0.0:x");
  CHECK(fleet.now() - before >= 2000);
  fleet.call("x", "s0.k0.e1");
  CHECK(fleet.last == PINNATE_TIMEOUT);
  fleet.call("x", "s0.k0.e2");
  CHECK(fleet.last == PINNATE_INTERRUPTED);
  CHECK_FALSE(fleet.is_up("s0.k0.e2"));
  REQUIRE(pinnate_testing_advance(fleet, 2000) == PINNATE_OK);
  CHECK(fleet.is_up("s0.k0.e2"));
  REQUIRE(pinnate_testing_wait_live(fleet, fleet.published.release, 3, 60000) == PINNATE_OK);
}

TEST_CASE("a call that was begun ends once, when time passes") {
  TestingFleet fleet(1, 1, 2);
  fleet.open();
  fleet.publish_live("1.0.0", "one");
  ResultAnswer well, lost, closed;
  REQUIRE(pinnate_testing_begin_call(fleet, nullptr, fleet.call_of("a"), ResultAnswer::on_result, &well) == PINNATE_OK);
  CHECK_FALSE(well.came());
  REQUIRE(pinnate_testing_advance(fleet, 100) == PINNATE_OK);
  CHECK(well.times == 1);
  CHECK(well.result == "greet@1.0.0:a");

  REQUIRE(fleet.inject("1.0.0", PINNATE_TESTING_CALL, PINNATE_TESTING_SLOW, nullptr, 0, 5000) == PINNATE_OK);
  REQUIRE(pinnate_testing_begin_call(fleet, "s0.k0.e0", fleet.call_of("b"), ResultAnswer::on_result, &lost) ==
          PINNATE_OK);
  REQUIRE(pinnate_testing_begin_call(fleet, "s0.k0.e1", fleet.call_of("c"), ResultAnswer::on_result, &closed) ==
          PINNATE_OK);
  REQUIRE(pinnate_testing_advance(fleet, 100) == PINNATE_OK);
  REQUIRE(pinnate_testing_restart(fleet, "s0.k0.e0") == PINNATE_OK);
  REQUIRE(pinnate_testing_advance(fleet, 1) == PINNATE_OK);
  CHECK(lost.times == 1);
  CHECK(lost.status == PINNATE_INTERRUPTED);
  CHECK_FALSE(closed.came());
  fleet.close();
  CHECK(closed.times == 1);
  CHECK(closed.status == PINNATE_CLOSED);
}

TEST_CASE("a condition is waited for in virtual time, and may look at the fleet") {
  TestingFleet fleet;
  fleet.open();
  REQUIRE(fleet.publish("1.0.0", "one") == PINNATE_OK);
  const auto five = [](void* arg) { return int(static_cast<TestingFleet*>(arg)->count() >= 5); };
  REQUIRE(pinnate_testing_run_until(fleet, five, &fleet, 10000) == PINNATE_OK);
  CHECK(fleet.count() >= 5);
  const std::uint64_t before = fleet.now();
  CHECK(pinnate_testing_run_until(
            fleet, [](void*) { return 0; }, nullptr, 250) == PINNATE_TIMEOUT);
  CHECK(fleet.now() - before == 250);
}
