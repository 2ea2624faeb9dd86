// What an acknowledged publish is worth.
#include "fleet.h"

using namespace pinnate;
using namespace pinnate::sim;

namespace {

int desired_received(TestWorld& world, const std::string& tier) {
  return int(world.traffic().received(world.at(tier).id(), 8).messages);
}

}  // namespace

TEST_CASE("a publish is neither acknowledged nor sent downstream before it is durable") {
  TestFleet f(shape(1, 0, 1));
  f.world.advance(1000);
  const int before = desired_received(f.world, "s0");
  f.world.at("c").disk().delay_next(1000, 10 * kSecond);  // every write of this publish
  const std::uint64_t id = f.world.publish("c", module("f", "1"));
  const std::uint64_t commits = f.world.at("c").disk().commits();
  CHECK(f.world.run_until(
      [&] {
        const bool durable = f.world.at("c").disk().commits() > commits;
        if (!durable) CHECK(f.world.answer<wire::Published>("c", id) == nullptr);
        if (!durable) CHECK(desired_received(f.world, "s0") == before);
        return f.world.answer<wire::Published>("c", id) != nullptr;
      },
      600000));
}

TEST_CASE(
    "an acknowledged publish survives a loss of power at any later instant, and one that was not does not appear by "
    "halves") {
  int acknowledged = 0, unacknowledged = 0;
  for (std::int64_t at_ms = 0; at_ms < 60; at_ms += 1) {
    TestFleet f(shape(1, 0, 1), seeded(100 + std::uint64_t(at_ms)));
    f.release(module("f", "1"));
    REQUIRE(f.becomes("f", "1"));
    const std::uint64_t id = f.world.publish("c", module("f", "2"));
    f.world.advance(at_ms);
    const wire::Published* published = f.world.answer<wire::Published>("c", id);
    const bool promised = published && published->code == PINNATE_OK;
    (promised ? acknowledged : unacknowledged)++;
    f.world.crash("c", Machine::Crash::power_loss);
    f.world.restart("c");
    f.world.advance(30000);
    const std::string now = f.world.version_on("s0.e0", "f");
    if (promised) CHECK(now == "2");
    wire::ListReleases ask;
    ask.name = "f";
    const auto list = f.world.ask<wire::Releases>("c", ask);
    REQUIRE_FALSE(list.releases.empty());
    CHECK(list.releases[0].version == now);
    CHECK(list.releases[0].current);
  }
  CHECK(acknowledged > 5);
  CHECK(unacknowledged > 5);
}

TEST_CASE("a controller without disk space refuses a publish and loses nothing") {
  TestFleet f(shape(1, 0, 1));
  f.release(module("f", "1"));
  REQUIRE(f.becomes("f", "1"));
  f.world.disk_full("c", true);
  const wire::Published refused = f.publish(module("f", "2"));
  CHECK(refused.code == PINNATE_NO_SPACE);
  CHECK_FALSE(refused.reason.empty());
  f.world.advance(5000);
  CHECK(f.all_serve("f", "1"));
  f.world.restart("c");
  f.world.advance(5000);
  CHECK(f.all_serve("f", "1"));
  f.world.disk_full("c", false);
  f.release(module("f", "2"));
  CHECK(f.becomes("f", "2"));
}

TEST_CASE("a write that fails refuses the publish, and the next one is decided as if it had never been") {
  TestFleet f(shape(1, 0, 1));
  const auto first = f.release(module("f", "1"));
  for (int skip = 0; skip < 6; ++skip) {
    const std::uint64_t id = f.world.publish("c", module("f", "2"));
    f.world.run_until(
        [&] { return f.world.answer<wire::Published>("c", id) || f.world.at("c").disk().orders_under_way() > 0; },
        1000);
    f.world.advance(skip);
    f.world.at("c").disk().fail_next(1, PINNATE_IO);
    REQUIRE(f.world.run_until([&] { return f.world.answer<wire::Published>("c", id) != nullptr; }, 60000));
    f.world.at("c").disk().fail_next(0, PINNATE_IO);
    if (f.world.answer<wire::Published>("c", id)->code == PINNATE_OK) break;
    CHECK(f.world.answer<wire::Published>("c", id)->release == 0);
  }
  const auto second = f.release(module("f", "2"));
  CHECK(second > first);
  CHECK(f.becomes("f", "2"));
  f.world.restart("c");
  CHECK(f.becomes("f", "2"));
}

TEST_CASE("a controller takes up where it left off") {
  TestFleet f(shape(1, 1, 2));
  f.release(module("f", "1"));
  const auto canary = f.release(module("f", "2"), "ring=canary");
  f.release(module("g", "1"));
  REQUIRE(f.becomes("g", "1"));
  const auto position = f.status().position;
  f.world.restart("c");
  CHECK(f.status().position == position);
  const auto next = f.release(module("h", "1"));
  CHECK(next > canary);
  CHECK(f.becomes("h", "1"));
  CHECK(f.status().position.epoch == position.epoch);
}

TEST_CASE("what a publish that did not fit has left behind does not keep the next one from fitting") {
  TestFleet f(shape(0, 0, 0));
  f.release(module("kept", "1", 300000));
  f.world.at("c").disk().delay_next(100, 10 * kMillisecond);
  const std::uint64_t large = f.world.publish("c", module("large", "1", 40 * 65536));
  f.world.advance(100);
  CHECK(f.world.at("c").disk().image().artifacts.size() == 2);
  f.world.disk_full("c", true);
  f.world.advance(kMinute);
  const auto* failed = f.world.answer<wire::Published>("c", large);
  REQUIRE(failed != nullptr);
  CHECK(failed->code == PINNATE_NO_SPACE);
  f.world.disk_full("c", false);
  f.world.advance(1000);
  CHECK(f.world.at("c").disk().image().artifacts.size() == 1);  // that of the current release
  CHECK(f.publish(module("large", "1", 40 * 65536)).code == PINNATE_OK);
  CHECK(f.logged("a publish failed"));
}
