// Calls through the tree: every one ends once.
#include "calls.h"

using namespace pinnate;
using namespace pinnate::sim;

namespace {

// The client "c" has called `m`, which takes 5 s, with "old" and 20 s to wait.
std::uint64_t begin_slow_call(TestFleet& f, const Module& m) {
  slow(f, m, 5 * kSecond);
  f.release(m);
  REQUIRE(f.becomes("f", "1"));
  f.world.advance(2000);
  const auto id = f.world.request("c", call_of("old", 20000));
  f.world.advance(500);
  REQUIRE(f.world.runs("old").begun == 1);
  return id;
}

void check_slow_call_ends_well(TestFleet& f, const Module& m, std::uint64_t id) {
  wire::Returned last;
  CHECK(answers(f, "c", id, &last) == 1);
  CHECK(last.code == PINNATE_OK);
  CHECK(last.result.str() == "f@" + f.artifact(m).hex().substr(0, 8) + ":old");
}

}  // namespace

TEST_CASE("a client without a link keeps a call no longer than the call's own time, and others as long as it may") {
  TestFleet f(shape(1, 0, 1));
  tier::ClientOptions options;
  options.connect_timeout_ms = 5000;
  f.world.add_client("operator", options);
  const std::uint64_t call = f.world.request("operator", call_of("x", 300)),
                      status = f.world.request("operator", wire::GetStatus{});
  wire::Returned returned;
  CHECK(answers(f, "operator", call, &returned, 400) == 1);
  CHECK(returned.code == PINNATE_UNREACHABLE);
  CHECK(returned.reason.find("no link within 300 ms") != std::string::npos);
  CHECK(f.world.answer<wire::StatusReport>("operator", status) == nullptr);
  f.world.advance(5000);
  REQUIRE(f.world.answer<wire::StatusReport>("operator", status));
  CHECK(f.world.answer<wire::StatusReport>("operator", status)->code == PINNATE_UNREACHABLE);
}

TEST_CASE("a call goes to an engine that serves the function, from any tier") {
  TestFleet f(shape(2, 1, 2));
  f.release(module("f", "1"));
  REQUIRE(f.becomes("f", "1"));
  f.world.add_client("operator");
  f.world.dial_up("operator", "c");
  f.world.advance(2000);
  for (const char* tier : {"c", "s0", "s1.k0", "s0.k0.e1", "operator"}) {
    CAPTURE(tier);
    const std::string payload = std::string("from ") + tier;
    const auto returned = f.call("f", payload, {}, tier);
    CHECK_MESSAGE(returned.code == PINNATE_OK, returned.reason);
    CHECK(returned.result.str().substr(0, 2) == "f@");
    CHECK(returned.result.str().find(":" + payload) != std::string::npos);
    CHECK(f.world.runs(payload).begun == 1);
  }
}

TEST_CASE("a call for one engine runs on that engine, from any tier") {
  TestFleet f(shape(2, 2, 2));
  f.release(module("f", "1"));
  REQUIRE(f.becomes("f", "1"));
  f.world.advance(2000);
  int n = 0;
  for (const char* tier : {"c", "s1", "s1.k1", "s1.k1.e0"}) {
    CAPTURE(tier);
    const std::string payload = "named " + std::to_string(n++);
    const auto returned = f.call("f", payload, "s1.k1.e1", tier);
    CHECK_MESSAGE(returned.code == PINNATE_OK, returned.reason);
    CHECK(f.world.runs(payload).last == f.world.at("s1.k1.e1").id());
  }
}

TEST_CASE("a call that nothing below serves goes through the upstream") {
  TestFleet f(shape(2, 1, 1));
  tier::EngineOptions special;
  special.tier.labels = {{"gpu", "yes"}};
  f.world.add_engine("gpu", special);
  f.world.dial_up("gpu", "s1.k0");
  f.release(module("f", "1"), "gpu");
  REQUIRE(f.becomes_on("gpu", "f", "1"));
  f.world.advance(2000);
  for (const char* tier : {"s0", "s0.k0", "s0.k0.e0"}) {
    CAPTURE(tier);
    const auto returned = f.call("f", tier, {}, tier);
    CHECK_MESSAGE(returned.code == PINNATE_OK, returned.reason);
  }
}

TEST_CASE("an engine that serves a function itself answers calls of its host itself") {
  TestFleet f(shape(1, 0, 2));
  f.release(module("f", "1"));
  REQUIRE(f.becomes("f", "1"));
  f.world.crash("s0");
  CHECK(f.call("f", "local", {}, "s0.e0").code == PINNATE_OK);
  CHECK(f.world.runs("local").last == f.world.at("s0.e0").id());
}

TEST_CASE("calls of what nobody serves, or nobody knows, end at once and say so") {
  TestFleet f(shape(1, 0, 1));
  const Module m = module("f", "1");
  Conduct fails;
  fails.fate = Fate::fails;
  f.world.modules().behave(f.artifact(m), Step::create, fails);
  f.release(m);
  f.world.advance(5000);
  const auto none = f.call("g", "x");
  CHECK(none.code == PINNATE_NOT_FOUND);
  CHECK(none.reason.find("'g'") != std::string::npos);
  const auto unserved = f.call("f", "x");
  CHECK((unserved.code == PINNATE_UNREACHABLE || unserved.code == PINNATE_NOT_FOUND));
  const auto engine = f.call("f", "x", "nobody");
  CHECK((engine.code == PINNATE_NOT_FOUND || engine.code == PINNATE_UNREACHABLE));
  CHECK(engine.reason.find("nobody") != std::string::npos);
  CHECK(f.world.runs("x").begun == 0);
}

TEST_CASE("an engine that is not linked does not say that a function is not there") {
  TestFleet f(shape(1, 0, 1));
  f.world.crash("s0");
  f.world.advance(60000);
  const auto unlinked = f.call("f", "x", {}, "s0.e0");
  CHECK(unlinked.code == PINNATE_UNREACHABLE);
  CHECK(unlinked.reason.ends_with("' serves no 'f' and is not linked"));
}

TEST_CASE("a call of a function that fails brings back its words") {
  TestFleet f(shape(1, 0, 1));
  const Module m = module("f", "1");
  Conduct fails;
  fails.fate = Fate::fails;
  fails.words = "not a JPEG";
  f.world.modules().behave(f.artifact(m), Step::call, fails);
  f.release(m);
  REQUIRE(f.becomes("f", "1"));
  f.world.advance(2000);
  const auto returned = f.call("f", "x");
  CHECK(returned.code == PINNATE_FAILED);
  CHECK(returned.reason.find("not a JPEG") != std::string::npos);
}

TEST_CASE("a call that takes too long times out, once, and a late result is dropped") {
  TestFleet f(shape(1, 1, 1));
  const Module m = module("f", "1");
  slow(f, m, 3 * kSecond);
  f.release(m);
  REQUIRE(f.becomes("f", "1"));
  f.world.advance(2000);
  wire::Returned last;
  const auto id = f.world.request("c", call_of("late", 1000));
  CHECK(answers(f, "c", id, &last) == 1);
  CHECK(last.code == PINNATE_TIMEOUT);
  CHECK(f.world.runs("late").begun == 1);
}

TEST_CASE("the limit of the release bounds a call too") {
  TestFleet f(shape(1, 0, 1));
  Module m = module("f", "1");
  m.limits.call_ms = 500;
  slow(f, m, 2 * kSecond);
  f.release(m);
  REQUIRE(f.becomes("f", "1"));
  f.world.advance(2000);
  const Micros before = f.world.now();
  CHECK(f.call("f", "x", {}, "c", 60000).code == PINNATE_TIMEOUT);
  CHECK(f.world.now() - before < 2 * kSecond);
}

TEST_CASE("a link lost while a call is under way interrupts it, and it is not run twice") {
  for (const char* lost : {"s0", "s0.k0", "s0.k0.e0"}) {
    CAPTURE(lost);
    TestFleet f(shape(1, 1, 2));
    const Module m = module("f", "1");
    slow(f, m, 2 * kSecond);
    f.release(m);
    REQUIRE(f.becomes("f", "1"));
    f.world.advance(2000);
    wire::Call call = call_of("once");
    call.engine = "s0.k0.e0";
    const auto id = f.world.request("c", call);
    f.world.advance(500);
    REQUIRE(f.world.runs("once").begun == 1);
    f.world.crash(lost);
    wire::Returned last;
    f.world.advance(1000);
    f.world.restart(lost);
    CHECK(answers(f, "c", id, &last) == 1);
    CHECK(last.code == PINNATE_INTERRUPTED);
    CHECK(last.ran);
    CHECK(f.world.runs("once").begun == 1);
  }
}

TEST_CASE("an idempotent call is run again elsewhere when its link is lost") {
  TestFleet f(shape(1, 0, 2));
  const Module m = module("f", "1");
  slow(f, m, kSecond);
  f.release(m);
  REQUIRE(f.becomes("f", "1"));
  f.world.advance(2000);
  const auto id = f.world.request("s0", call_of("again", 10000, true));
  f.world.advance(300);
  REQUIRE(f.world.runs("again").begun == 1);
  f.world.crash(f.world.at(f.world.runs("again").last).name());
  wire::Returned last;
  CHECK(answers(f, "s0", id, &last) == 1);
  CHECK(last.code == PINNATE_OK);
  CHECK(f.world.runs("again").begun == 2);
}

TEST_CASE("calls under way when a new version takes over end with the old one's result") {
  TestFleet f(shape(1, 0, 1));
  const Module one = module("f", "1");
  const auto id = begin_slow_call(f, one);
  f.release(module("f", "2"));
  REQUIRE(f.becomes("f", "2"));
  CHECK(f.call("f", "new").result.str().find(":new") != std::string::npos);
  check_slow_call_ends_well(f, one, id);
}

TEST_CASE("a call under way when its function is withdrawn ends with its result, and the service is gone after it") {
  TestFleet f(shape(1, 0, 1));
  const Module m = module("f", "1");
  const auto id = begin_slow_call(f, m);
  CHECK(f.unpublish("f").code == PINNATE_OK);
  REQUIRE(f.becomes("f", "", 2000));
  const ModuleHost& host = *f.world.at("s0.e0").modules();
  CHECK(f.world.runs("old").ended == 0);  // it goes on, in a service that takes no others
  CHECK(host.services() == 1);
  CHECK(f.call("f", "new").code == PINNATE_NOT_FOUND);
  CHECK(f.world.runs("new").begun == 0);
  check_slow_call_ends_well(f, m, id);
  CHECK(host.services() == 0);
  CHECK(host.left_behind() == 0);
}

TEST_CASE("a call for an engine that moved finds it where it is, and not as it was left behind where it was") {
  TestFleet f(shape(2, 0, 1));
  const Module m = module("f", "1");
  f.release(m);
  REQUIRE(f.becomes("f", "1"));
  f.world.crash("s0.e0");
  f.world.advance(30000);
  tier::EngineOptions moved;
  moved.tier.id = "s0.e0";
  moved.platform = "linux-x86_64";
  f.world.add_engine("elsewhere", moved);
  f.world.dial_up("elsewhere", "s1");
  f.world.advance(30000);
  wire::Lookup where;
  where.engine = "s0.e0";
  const auto both = f.world.ask<wire::Tiers>("c", where);
  REQUIRE(both.rows.size() == 2);
  CHECK(both.rows[0].path == "s1");
  CHECK(both.rows[0].online);
  CHECK(both.rows[1].path == "s0");
  CHECK_FALSE(both.rows[1].online);
  for (const char* asker : {"c", "s0", "s1"}) {
    CAPTURE(asker);
    wire::Call call = call_of("moved");
    call.engine = "s0.e0";
    wire::Returned returned;
    CHECK(answers(f, asker, f.world.request(asker, call), &returned) == 1);
    CHECK_MESSAGE(returned.code == PINNATE_OK, returned.reason);
  }
}

TEST_CASE("every call ends once and none that was not idempotent runs twice, through all kinds of faults") {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    TestFleet f(shape(2, 1, 2), seeded(seed));
    const Module m = module("f", "1", 50000);
    slow(f, m, 30 * kMillisecond);
    f.release(m);
    REQUIRE(f.becomes("f", "1"));
    f.world.advance(2000);
    const std::vector<std::string> askers = {"c", "s0", "s1.k0", "s0.k0.e1"};
    std::vector<std::pair<std::string, std::uint64_t>> asked;
    std::vector<std::string> tiers = f.fleet.sites;
    tiers.insert(tiers.end(), f.fleet.clusters.begin(), f.fleet.clusters.end());
    tiers.insert(tiers.end(), f.fleet.engines.begin(), f.fleet.engines.end());
    for (int i = 0; i < 300; ++i) {
      const std::string& asker = askers[f.world.random().below(askers.size())];
      wire::Call call = call_of("call " + std::to_string(i), 3000);
      if (f.world.random().one_in(3)) call.engine = f.fleet.engines[f.world.random().below(4)];
      asked.emplace_back(asker, f.world.request(asker, call));
      const std::string& victim = tiers[f.world.random().below(tiers.size())];
      const std::string& other = tiers[f.world.random().below(tiers.size())];
      switch (f.world.random().below(30)) {
        case 0:
          f.world.cut(victim, other);
          break;
        case 1:
          f.world.stall(victim, other);
          break;
        case 2:
          f.world.heal();
          break;
        case 3:
          f.world.partition({victim});
          break;
        case 4:
          if (victim != "s0" && victim != "s1.k0" && victim != "s0.k0.e1") f.world.restart(victim);
          break;
        case 5:
          f.world.half_open(victim, other);
          break;
      }
      f.world.advance(std::int64_t(f.world.random().below(40)));
    }
    f.world.heal();
    f.world.advance(kMinute);
    for (std::size_t i = 0; i < asked.size(); ++i) {
      int n = 0;
      for (const auto& answer : f.world.at(asked[i].first).answers())
        if (const auto* returned = std::get_if<wire::Returned>(&answer); returned && returned->id == asked[i].second) {
          ++n;
          if (returned->code == PINNATE_OK) CHECK(f.world.runs("call " + std::to_string(i)).ended == 1);
        }
      CHECK(n == 1);
      CHECK(f.world.runs("call " + std::to_string(i)).begun <= 1);
    }
  }
}

TEST_CASE("a call whose asker is lost while its engine is looked up there is answered on no link") {
  TestFleet f(shape(1, 1, 1));
  f.release(module("f", "1"));
  REQUIRE(f.becomes("f", "1"));
  f.world.advance(2000);
  f.world.stall("s0", "s0.k0");  // the site asks the cluster that asked it, and is not heard there
  wire::Call call = call_of("x", 60000);
  call.engine = "nobody";
  const auto id = f.world.request("s0.k0.e0", call);
  f.world.advance(500);
  f.world.cut("s0", "s0.k0");
  CHECK(answers(f, "s0.k0.e0", id) == 1);
  CHECK(f.world.breaches().empty());
}

TEST_CASE("a call for one engine says that its site is away, and gets past a site that is silent") {
  TestFleet f(shape(3, 0, 1));
  f.release(module("f", "1"));
  REQUIRE(f.becomes("f", "1"));
  f.world.advance(2000);
  f.world.stall("c", "s0");  // believed to live for a while
  CHECK(f.call("f", "x", "s2.e0", "c", 8000).code == PINNATE_OK);
  f.world.heal();
  f.world.crash("s1");
  f.world.advance(kMinute);
  const auto away = f.call("f", "x", "s1.e0", "c", 8000);
  CHECK(away.code == PINNATE_UNREACHABLE);
  CHECK_MESSAGE(away.reason.find("gateway 's1' is offline") != std::string::npos, away.reason);
  CHECK(f.call("f", "x", "s2.e0", "c", 8000).code == PINNATE_OK);
}

TEST_CASE("a cancelled call ends as cancelled") {
  TestFleet f(shape(1, 0, 1));
  const auto id = begin_slow_call(f, module("f", "1"));
  wire::Cancel cancel;
  cancel.id = id;
  f.world.at("c").host_message(cancel);
  wire::Returned last;
  CHECK(answers(f, "c", id, &last) == 1);
  CHECK(last.code == PINNATE_CANCELLED);
}

TEST_CASE("a client whose controller is not there ends every request within its limit") {
  TestFleet f(shape(0, 0, 0));
  f.world.add_client("operator");
  f.world.dial_up("operator", "nowhere");
  const Micros before = f.world.now();
  const auto returned = f.call("f", "x", {}, "operator", 60000);
  CHECK(returned.code == PINNATE_UNREACHABLE);
  CHECK(f.world.now() - before < 10 * kSecond);
  tier::ClientOptions options;
  options.tier.fleet = "other";
  f.world.add_client("stranger", options);
  f.world.dial_up("stranger", "c");
  const auto refused = f.call("f", "x", {}, "stranger");
  CHECK(refused.code == PINNATE_REFUSED);
  CHECK(refused.reason.find("fleet") != std::string::npos);
}

TEST_CASE("an idempotent call whose engine died says that it may have run, however it ends") {
  TestFleet f(shape(1, 0, 1));
  const Module m = module("f", "1");
  slow(f, m, kSecond);
  f.release(m);
  REQUIRE(f.becomes("f", "1"));
  f.world.advance(2000);
  for (const char* engine : {"", "s0.e0"}) {
    CAPTURE(engine);
    wire::Call call = call_of("again", 5000, true);
    call.engine = engine;
    const auto id = f.world.request("c", call);
    f.world.advance(500);
    REQUIRE(f.world.runs("again").begun >= 1);
    f.world.crash("s0.e0");
    wire::Returned last;
    CHECK(answers(f, "c", id, &last) == 1);
    CHECK(last.code == PINNATE_UNREACHABLE);
    CHECK(last.ran);
    f.world.restart("s0.e0");
    REQUIRE(f.becomes("f", "1"));
    f.world.advance(2000);
  }
}

TEST_CASE("a route that leads nowhere ends with the code that says why") {
  TestFleet f(shape(2, 1, 1));
  f.release(module("f", "1"));
  REQUIRE(f.becomes("f", "1"));
  f.world.advance(2000);
  const auto code_of = [&](const char* tier, std::vector<std::string> route) {
    wire::Call call = call_of("routed");
    call.route = std::move(route);
    const auto returned = f.world.ask<wire::Returned>(tier, call);
    CHECK(returned.ran == (returned.code == PINNATE_OK));
    return returned.code;
  };
  CHECK(code_of("c", {"s0", "s0.k0", "s0.k0.e0"}) == PINNATE_OK);
  CHECK(code_of("c", {"s0", "", "s0.k0.e0"}) == PINNATE_INVALID);
  CHECK(code_of("c", {"s0", "s0/k0"}) == PINNATE_INVALID);
  CHECK(code_of("c", std::vector<std::string>(33, "s0")) == PINNATE_INVALID);
  CHECK(code_of("c", {"s2", "s0.k0.e0"}) == PINNATE_UNREACHABLE);
  CHECK(code_of("c", {"s0", "s1.k0", "s1.k0.e0"}) == PINNATE_UNREACHABLE);
  CHECK(code_of("s0.k0.e0", {"s0.k0.e0"}) == PINNATE_OK);
  CHECK(code_of("s0.k0.e0", {"s1.k0.e0"}) == PINNATE_NOT_FOUND);
  CHECK(code_of("s0.k0.e0", {"s0.k0.e0", "x"}) == PINNATE_NOT_FOUND);
}

TEST_CASE(
    "a number that is under way on a link cannot be given to another call, and is free when the first has ended") {
  Driven d;
  const tier::LinkId engine = d.link("e", wire::Role::engine), client = d.link("operator", wire::Role::client);
  wire::EngineStatus status;
  status.position = {1, 1, {}};
  status.rows = {{1, "f", "1", wire::Phase::live, true, ""}};
  d.say(engine, status);
  wire::Call call;
  call.id = 7;
  call.function = "f";
  d.say(client, call);
  const auto first = *d.last<wire::Call>(engine);
  d.say(client, call);
  REQUIRE(d.last<wire::Returned>(client));
  CHECK(d.last<wire::Returned>(client)->code == PINNATE_INVALID);
  CHECK_FALSE(d.last<wire::Returned>(client)->ran);
  d.say(client, wire::Cancel{7});
  REQUIRE(d.last<wire::Cancel>(engine));
  CHECK(d.last<wire::Cancel>(engine)->id == first.id);
  CHECK(d.last<wire::Returned>(client)->code == PINNATE_CANCELLED);
  d.say(client, call);
  CHECK(d.last<wire::Call>(engine)->id != first.id);
  d.say(engine, wire::Returned{d.last<wire::Call>(engine)->id, PINNATE_OK, "", true, Buffer(std::string("done"))});
  CHECK(d.last<wire::Returned>(client)->result.str() == "done");
}
