// An engine's own affairs: its disk, its links, what it says of itself.
#include "fleet.h"

using namespace pinnate;
using namespace pinnate::sim;

namespace {

std::uint64_t hellos(TestFleet& f, const char* tier) {
  return f.world.network().traffic.received(f.world.at(tier).id(), 1).messages;
}

}  // namespace

TEST_CASE("a service whose calls go on after its drain limit is shown until they end, and is gone then") {
  TestFleet f(shape(1, 0, 1));
  Module slow = module("slow", "1");
  slow.limits.drain_ms = 3000;
  Conduct takes_long;
  takes_long.takes = 25 * kSecond;
  f.world.modules().behave(f.artifact(slow), Step::call, takes_long);
  f.release(slow);
  REQUIRE(f.becomes("slow", "1"));
  wire::Call call;
  call.function = "slow";
  call.timeout_ms = 28000;
  f.world.request("s0", call);
  f.world.advance(1000);
  f.unpublish("slow");
  const std::string words = "'slow' 1 still has calls after 3000 ms of draining";
  CHECK(f.eventually([&] { return f.says(f.status().notices, words); }, 6000));
  const ModuleHost& host = *f.world.at("s0.e0").modules();
  CHECK(host.services() == 1);
  f.world.advance(30000);
  CHECK_FALSE(f.says(f.status().notices, words));
  CHECK(host.services() == 0);
}

TEST_CASE("an engine does not wait for calls that go on after the drain limit when it closes") {
  for (const bool closed_before_the_limit : {true, false}) {
    CAPTURE(closed_before_the_limit);
    TestFleet f(shape(1, 0, 1));
    Module stuck = module("stuck", "1");
    stuck.limits.drain_ms = 3000;
    Conduct hangs;
    hangs.fate = Fate::hangs;
    f.world.modules().behave(f.artifact(stuck), Step::call, hangs);
    f.release(stuck);
    REQUIRE(f.becomes("stuck", "1"));
    wire::Call call;
    call.function = "stuck";
    f.world.request("s0", call);
    f.world.advance(1000);
    f.unpublish("stuck");
    f.world.advance(closed_before_the_limit ? 1000 : 10000);
    f.world.at("s0.e0").close();
    CHECK(f.world.run_until([&] { return !f.world.at("s0.e0").up(); }, 4000));
  }
}

TEST_CASE("a corrupt chunk is shown for a while behind what matters more, and is over then") {
  TestFleet f(shape(1, 0, 1, true));
  f.world.flip_sent_chunks("s0", 1);
  f.release(module("f", "1"));
  REQUIRE(f.becomes("f", "1"));
  const auto notice = [&] { return f.engine_row("s0.e0").notice; };
  CHECK(f.eventually([&] { return notice().find("gateway 's0'") != std::string::npos; }));
  f.world.disk_full("s0.e0", true);
  f.release(module("f", "2"));
  CHECK(f.eventually([&] { return notice().starts_with("cannot write the state folder"); }));
  CHECK(notice().ends_with(" (and 1 more)"));
  f.world.disk_full("s0.e0", false);
  CHECK(f.eventually([&] { return notice().find("gateway 's0'") != std::string::npos; }));
  f.world.advance(11 * kMinute);
  CHECK(notice() == "");
  CHECK(f.all_serve("f", "2"));
}

TEST_CASE(
    "an engine linked anew while it writes a desired state keeps the link, and takes what the new upstream sends") {
  TestFleet f(shape(1, 0, 1, true));
  f.release(module("f", "1"));
  REQUIRE(f.becomes("f", "1"));
  f.world.advance(10000);
  f.world.at("s0.e0").disk().delay_next(1, 20 * kSecond);
  f.release(module("f", "2"));
  f.world.advance(1000);
  f.world.cut("s0", "s0.e0");
  f.release(module("f", "3"));
  REQUIRE(f.world.run_until([&] { return f.world.linked("s0", "s0.e0"); }, 5000));
  f.world.advance(500);
  const auto before = hellos(f, "s0");
  CHECK(f.becomes("f", "3"));
  CHECK(hellos(f, "s0") == before);
}

TEST_CASE("an engine whose disk refuses a desired state for long keeps its link, and takes it when there is room") {
  TestFleet f(shape(1, 0, 1, true));
  f.release(module("f", "1"));
  REQUIRE(f.becomes("f", "1"));
  const auto before = hellos(f, "s0");
  f.world.disk_full("s0.e0", true);
  const auto two = f.release(module("f", "2"));
  CHECK(f.reports(two, wire::Phase::failed, 1));
  f.world.advance(20 * kMinute);
  CHECK(f.all_serve("f", "1"));
  f.world.disk_full("s0.e0", false);
  CHECK(f.becomes("f", "2"));
  f.release(module("f", "3"));
  CHECK(f.becomes("f", "3"));
  CHECK(hellos(f, "s0") == before);
}

TEST_CASE(
    "an engine says which of its records it cannot read, and what it takes anew is whole after the next restart") {
  FleetShape s = shape(1, 0, 1, true);
  s.gateway.tier.labels = {{"region", "eu"}};
  TestFleet f(s);
  const auto f1 = f.release(module("f", "1"));
  const auto g1 = f.release(module("g", "1"));
  REQUIRE(f.becomes("g", "1"));
  f.world.advance(2 * kMinute);
  f.world.crash("s0.e0");
  DiskImage image = f.world.at("s0.e0").disk().image();
  for (auto& [key, value] : image.records)
    if (key == "context" || key.starts_with("manifest/") || key.ends_with(std::to_string(f1)))
      value = Buffer("of another version");
  f.world.restore_backup("s0.e0", image);
  f.unpublish("g", g1);  // its record is left on the engine's disk
  f.world.restart("s0.e0");
  CHECK(f.logged("s0.e0: the state folder is damaged and starts empty: the record 'release/"));
  CHECK(f.logged("s0.e0: the record 'context', the labels from above, cannot be read"));
  CHECK(f.logged("s0.e0: the record 'manifest/"));
  CHECK(f.becomes("f", "1"));
  f.world.advance(2 * kMinute);
  f.logs.clear();
  f.world.crash("s0");
  f.world.restart("s0.e0");
  CHECK(f.becomes("f", "1"));
  CHECK_FALSE(f.logged("s0.e0: the record"));
  CHECK_FALSE(f.logged("damaged"));
}
