// What the controller says of its fleet, held against the truth.
#include "fleet.h"

#include "tier/tally.h"

using namespace pinnate;
using namespace pinnate::sim;

TEST_CASE("the counts of every release sum to the known engines, at any moment") {
  TestFleet f(shape(2, 2, 3));
  const Module bad = module("bad", "1");
  Conduct fails;
  fails.fate = Fate::fails;
  f.world.modules().behave(f.artifact(bad), Step::create, fails, f.world.at("s0.k1.e1").id());
  const auto check = [&] {
    for (const char* tier : {"c", "s0", "s1.k1"}) {
      const auto status = f.status({}, tier);
      for (const auto& row : status.rows) CHECK(sum(row) == status.online + status.offline);
    }
  };
  for (int round = 0; round < 4; ++round) {
    f.release(module("f", std::to_string(round), 300000));
    if (round == 1) f.release(bad);
    if (round == 2) f.world.crash("s0.k0");
    if (round == 3) f.world.restart("s0.k0");
    for (int i = 0; i < 20; ++i) {
      f.world.advance(50);
      check();
    }
    f.world.advance(10000);
    check();
  }
  CHECK(f.becomes("f", "3"));
  CHECK(f.eventually([&] { return f.status().online == 12; }));
}

TEST_CASE("a roll-up that tells of more engines than there are makes no sum that is wrong") {
  tier::Totals total;
  total.online = 3, total.offline = 2;
  wire::ReleaseRow row;
  row.live = 3, row.failed = 1, row.fetching = 1;
  const wire::StatusRow shown = tier::status_row(row, total, 0, true);
  CHECK(sum(shown) == 5);
  CHECK(TestFleet::count(shown, wire::Phase::failed) == 1);
}

TEST_CASE("when the fleet is quiet the counts equal the truth") {
  TestFleet f(shape(2, 2, 2));
  const auto f1 = f.release(module("f", "1"), "");
  const auto one = f.release(module("g", "1"), "");
  REQUIRE(f.becomes("f", "1"));
  REQUIRE(f.becomes("g", "1"));
  const Module bad = module("g", "2");
  Conduct fails;
  fails.fate = Fate::fails;
  f.world.modules().behave(f.artifact(bad), Step::create, fails, f.world.at("s0.k0.e1").id());
  const auto two = f.release(bad);
  CHECK(f.reports(f1, wire::Phase::live, 8));
  CHECK(f.reports(two, wire::Phase::live, 7));
  CHECK(f.reports(two, wire::Phase::failed, 1));
  const auto status = f.status();
  CHECK(status.online == 8);
  CHECK(status.offline == 0);
  CHECK(status.gateways_online == 6);
  // Which release engines really serve, not only who lacks the newest.
  CHECK(f.row(two).serving == 7);
  CHECK(f.row(one).serving == 1);
}

TEST_CASE("a lost engine is offline, its release kept, until it is forgotten") {
  FleetShape s = shape(1, 1, 3);
  s.controller.forget_after_ms = s.gateway.forget_after_ms = kHour;
  TestFleet f(s);
  const auto release = f.release(module("f", "1"));
  REQUIRE(f.reports(release, wire::Phase::live, 3));
  f.world.crash("s0.k0.e1", Machine::Crash::power_loss);
  CHECK(f.reports(release, wire::Phase::offline, 1));
  CHECK(f.reports(release, wire::Phase::live, 2));
  CHECK(f.row(release).serving_offline == 1);
  CHECK(f.status().forgotten == 0);
  f.world.advance(50 * kMinute);
  CHECK(f.status().offline == 1);
  f.world.advance(20 * kMinute);
  const auto status = f.status();
  CHECK(status.offline == 0);
  CHECK(status.online == 2);
  CHECK(status.forgotten == 1);
}

TEST_CASE("an engine that says it will not come back is gone at once, one that will is offline") {
  TestFleet f(shape(1, 0, 1));
  tier::EngineOptions durable;
  durable.durable = true;
  f.world.add_engine("durable", durable);
  f.world.dial_up("durable", "s0");
  REQUIRE(f.eventually([&] { return f.status().online == 2; }));
  f.world.close("s0.e0");
  f.world.close("durable");
  CHECK(f.eventually([&] {
    const auto status = f.status();
    return status.online == 0 && status.offline == 1;
  }));
}

TEST_CASE("a lost gateway turns its engines offline, also across a restart of the controller") {
  TestFleet f(shape(2, 1, 3));
  const auto release = f.release(module("f", "1"));
  REQUIRE(f.reports(release, wire::Phase::live, 6));
  f.world.advance(10000);
  f.world.crash("s1", Machine::Crash::power_loss);
  CHECK(f.reports(release, wire::Phase::offline, 3));
  CHECK(f.row(release).serving_offline == 3);
  CHECK(f.status().gateways_offline == 2);
  f.world.advance(10000);
  f.world.restart("c");
  CHECK(f.reports(release, wire::Phase::offline, 3));
  CHECK(f.reports(release, wire::Phase::live, 3));
  CHECK(f.status().gateways_offline == 2);
  f.world.restart("s1");
  CHECK(f.reports(release, wire::Phase::live, 6));
  CHECK(f.status().offline == 0);
}

TEST_CASE("an engine that moved to another gateway is counted once when the forget time has passed") {
  FleetShape s = shape(2, 0, 2);
  s.controller.forget_after_ms = s.gateway.forget_after_ms = kHour;
  TestFleet f(s);
  REQUIRE(f.eventually([&] { return f.status().online == 4; }));
  f.world.crash("s0.e0");
  tier::EngineOptions same_id;
  same_id.tier.id = "s0.e0";
  f.world.add_engine("moved", same_id);
  f.world.dial_up("moved", "s1");
  CHECK(f.eventually([&] { return f.status().online == 4; }));
  f.world.advance(2 * kHour);
  const auto status = f.status();
  CHECK(status.online == 4);
  CHECK(status.offline == 0);
}

TEST_CASE("a withdrawn release leaves the rows once nobody serves it any more") {
  TestFleet f(shape(1, 1, 2));
  const auto release = f.release(module("f", "1"));
  REQUIRE(f.reports(release, wire::Phase::live, 2));
  f.unpublish("f");
  REQUIRE(f.becomes("f", ""));
  CHECK(f.eventually([&] {
    for (const auto& row : f.status().rows)
      if (row.release == release) return false;
    return true;
  }));
}

TEST_CASE("status of one name shows that name alone") {
  TestFleet f(shape(1, 0, 1));
  f.release(module("f", "1"));
  f.release(module("g", "1"));
  f.world.advance(5000);
  const auto status = f.status("f");
  REQUIRE(status.rows.size() == 1);
  CHECK(status.rows[0].name == "f");
  CHECK(status.rows[0].version == "1");
  CHECK(status.tier == "c");
}

TEST_CASE("a host's own watch begins however many clients watch over links") {
  for (const std::string tier : {"s0.e0", "c"}) {
    CAPTURE(tier);
    TestFleet f(shape(1, 0, 1));
    f.world.move_address("here", tier);
    f.world.add_client("crowd");
    f.world.dial_up("crowd", "here");
    f.world.advance(2000);
    wire::GetStatus watch;
    watch.watch = true;
    std::uint64_t last = 0;
    for (int i = 0; i < 1025; ++i) last = f.world.request("crowd", watch);
    f.world.advance(5000);
    REQUIRE(f.world.answer<wire::StatusReport>("crowd", last));
    CHECK_MESSAGE(f.world.answer<wire::StatusReport>("crowd", last)->code == PINNATE_BUSY,
                  f.world.answer<wire::StatusReport>("crowd", last)->reason);
    const std::uint64_t own = f.world.request(tier, watch);
    f.world.advance(100);
    REQUIRE(f.world.answer<wire::StatusReport>(tier, own));
    CHECK(f.world.answer<wire::StatusReport>(tier, own)->code == PINNATE_OK);
  }
}

TEST_CASE("a watch reports again whenever the roll-up changed, and ends when asked to") {
  TestFleet f(shape(1, 0, 2));
  f.world.advance(5000);
  wire::GetStatus watch;
  watch.watch = true;
  const std::uint64_t id = f.world.request("c", watch);
  const auto reports = [&] {
    int n = 0;
    for (const auto& answer : f.world.at("c").answers())
      if (const auto* report = std::get_if<wire::StatusReport>(&answer); report && report->id == id) ++n;
    return n;
  };
  f.world.advance(5000);
  CHECK(reports() == 1);
  const auto release = f.release(module("f", "1"));
  f.world.advance(10000);
  CHECK(reports() >= 3);
  const auto* last = f.world.answer<wire::StatusReport>("c", id);
  REQUIRE(last);
  CHECK(last->rows.at(0).release == release);
  CHECK(TestFleet::count(last->rows[0], wire::Phase::live) == 2);
  wire::GetStatus end;
  end.id = id;
  end.end_watch = true;
  f.world.at("c").host_message(end);
  f.world.advance(100);
  const int before = reports();
  f.release(module("f", "2"));
  f.world.advance(10000);
  CHECK(reports() == before);
}

TEST_CASE("engines are listed in pages, each once, wherever they are") {
  TestFleet f(shape(2, 2, 7));
  REQUIRE(f.eventually([&] { return f.status().online == 28; }));
  std::vector<std::string> found;
  wire::Lookup ask;
  ask.limit = 5;
  for (int page = 0; page < 20; ++page) {
    const wire::Tiers tiers = f.lookup(ask);
    REQUIRE(tiers.code == PINNATE_OK);
    CHECK(tiers.rows.size() <= 5);
    for (const auto& row : tiers.rows) found.push_back(row.id);
    ask.cursor = tiers.next;
    if (tiers.next.empty()) break;
  }
  std::sort(found.begin(), found.end());
  auto all = f.fleet.engines;
  std::sort(all.begin(), all.end());
  CHECK(found == all);
}

TEST_CASE("a lookup can ask for one gateway's engines, one phase, one engine, and for gateways") {
  TestFleet f(shape(2, 2, 2));
  const Module m = module("f", "1");
  Conduct fails;
  fails.fate = Fate::fails;
  f.world.modules().behave(f.artifact(m), Step::create, fails, f.world.at("s1.k0.e1").id());
  const auto release = f.release(m);
  REQUIRE(f.reports(release, wire::Phase::failed, 1));

  wire::Lookup at;
  at.at = "s0.k1";
  const auto below = f.lookup(at);
  REQUIRE(below.rows.size() == 2);
  CHECK(below.rows[0].id == "s0.k1.e0");
  CHECK(below.rows[0].path == "s0/s0.k1");

  wire::Lookup failed;
  failed.phase = 1 + std::uint8_t(wire::Phase::failed);
  const auto failing = f.lookup(failed);
  REQUIRE(failing.rows.size() == 1);
  CHECK(failing.rows[0].id == "s1.k0.e1");

  const auto row = f.engine_row("s1.k1.e0");
  CHECK(row.online);
  REQUIRE(row.services.size() == 1);
  CHECK(row.services[0].phase == wire::Phase::live);
  CHECK(row.services[0].serving);

  wire::Lookup gateways;
  gateways.gateways = true;
  std::size_t n = 0;
  for (const auto& tier : f.lookup(gateways).rows) n += tier.role == wire::Role::gateway;
  CHECK(n == 6);
}

TEST_CASE("a gateway that cannot be asked is shown as offline, and the rest is listed all the same") {
  TestFleet f(shape(2, 1, 2));
  REQUIRE(f.eventually([&] { return f.status().online == 4; }));
  f.world.partition({"s1"});
  wire::Lookup all;
  all.timeout_ms = 2000;
  const auto tiers = f.lookup(all);
  CHECK(tiers.code == PINNATE_OK);
  std::set<std::string> ids;
  for (const auto& row : tiers.rows) ids.insert(row.id);
  CHECK(ids.count("s0.k0.e0"));
  CHECK(ids.count("s0.k0.e1"));
  bool shown = false;
  for (const auto& row : tiers.rows) shown = shown || (row.id == "s1" && !row.online);
  CHECK(shown);
}

TEST_CASE("a gateway without its upstream still tells the status of what is below it") {
  TestFleet f(shape(1, 1, 2));
  const auto release = f.release(module("f", "1"));
  REQUIRE(f.reports(release, wire::Phase::live, 2));
  f.world.crash("c");
  f.world.advance(1000);
  CHECK(f.phase(release, wire::Phase::live, "s0") == 2);
  CHECK(f.status({}, "s0.k0").online == 2);
}

TEST_CASE("a thousand engines cost the controller no more messages than one") {
  const auto messages = [](std::uint32_t engines) {
    WorldOptions options = seeded(1);
    TestFleet f(shape(1, 0, engines), options);
    f.world.advance(20000);
    const MachineId c = f.world.at("c").id();
    const auto before = f.world.traffic().received(c).messages + f.world.traffic().sent(c).messages;
    f.release(module("f", "1", 100000));
    CHECK(f.becomes("f", "1"));
    f.world.advance(2000);
    return f.world.traffic().received(c).messages + f.world.traffic().sent(c).messages - before;
  };
  const auto one = messages(1), many = messages(1000);
  MESSAGE("messages at the controller per release: " << one << " with 1 engine, " << many << " with 1000");
  CHECK(double(many) <= 1.5 * double(one) + 4);
}
