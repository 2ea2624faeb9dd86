// Modules that fail, hang and kill.
#include "fleet.h"

using namespace pinnate;
using namespace pinnate::sim;

namespace {

Conduct conduct(Fate fate, std::uint32_t first_times = 0, const std::string& words = "out of cheese") {
  Conduct c;
  c.fate = fate;
  c.first_times = first_times;
  c.words = words;
  return c;
}

}  // namespace

TEST_CASE("a release that fails leaves the old one serving, and the controller hears why") {
  for (Step step : {Step::load, Step::create, Step::health}) {
    CAPTURE(int(step));
    TestFleet f(shape(2, 1, 2));
    f.release(module("f", "1"));
    REQUIRE(f.becomes("f", "1"));
    const Module bad = module("f", "2");
    f.world.modules().behave(f.artifact(bad), step, conduct(Fate::fails));
    const auto two = f.release(bad);
    CHECK(f.reports(two, wire::Phase::failed, 4));
    CHECK(f.all_serve("f", "1"));
    const wire::StatusRow row = f.row(two);
    REQUIRE_FALSE(row.failures.empty());
    CHECK(row.failures[0].reason.find("out of cheese") != std::string::npos);
    CHECK(row.failures[0].engine.find(".e") != std::string::npos);
    CHECK(row.serving == 0);
  }
}

TEST_CASE("a failed release is tried again with a growing delay, and is live once it works") {
  TestFleet f(shape(1, 0, 1));
  const Module m = module("f", "1");
  f.world.modules().behave(f.artifact(m), Step::create, conduct(Fate::fails, 5));
  std::vector<Micros> tries;
  const MachineId engine = f.world.at("s0.e0").id();
  f.world.trace().observer = [&](const Occurrence& o) {
    if (o.host == engine && o.what == What::completed && o.code == PINNATE_FAILED) tries.push_back(o.at);
  };
  const auto release = f.release(m);
  CHECK(f.becomes("f", "1", kHour));
  CHECK(f.reports(release, wire::Phase::live, 1));
  REQUIRE(tries.size() == 5);
  CHECK(tries[4] - tries[3] > 2 * (tries[1] - tries[0]));
}

TEST_CASE("a release that fails for ever is tried for ever, but ever less often") {
  TestFleet f(shape(1, 0, 1));
  const Module m = module("f", "1");
  f.world.modules().behave(f.artifact(m), Step::create, conduct(Fate::fails));
  int tries = 0;
  f.world.trace().observer = [&](const Occurrence& o) {
    tries += o.what == What::completed && o.code == PINNATE_FAILED;
  };
  f.release(m);
  f.world.advance(6 * kHour);
  const int first = tries;
  CHECK(first >= 72);  // at least every five minutes
  CHECK(first <= 1000);
  f.world.advance(6 * kHour);
  CHECK(tries > first);
  f.world.modules().behave_well(f.artifact(m));
  CHECK(f.becomes("f", "1", 2 * kHour));
}

TEST_CASE("a fixed version replaces one that is waiting to be tried again, at once") {
  TestFleet f(shape(1, 0, 2));
  const Module bad = module("f", "1");
  f.world.modules().behave(f.artifact(bad), Step::create, conduct(Fate::fails));
  const auto one = f.release(bad);
  REQUIRE(f.reports(one, wire::Phase::failed, 2));
  f.world.advance(kHour);
  f.release(module("f", "2"));
  CHECK(f.becomes("f", "2", 5000));
}

TEST_CASE("one failing module holds up no other") {
  TestFleet f(shape(1, 0, 2));
  const Module bad = module("bad", "1");
  f.world.modules().behave(f.artifact(bad), Step::create, conduct(Fate::fails));
  f.release(bad);
  f.release(module("good", "1"));
  CHECK(f.becomes("good", "1", 5000));
}

TEST_CASE("failures on a few engines are counted and named, the others are live") {
  TestFleet f(shape(2, 2, 3));
  const Module m = module("f", "1");
  f.world.modules().behave(f.artifact(m), Step::health, conduct(Fate::fails), f.world.at("s1.k0.e2").id());
  f.world.modules().behave(f.artifact(m), Step::health, conduct(Fate::fails), f.world.at("s0.k1.e0").id());
  const auto release = f.release(m);
  CHECK(f.reports(release, wire::Phase::failed, 2));
  CHECK(f.reports(release, wire::Phase::live, 10));
  CHECK(f.eventually([&] {
    std::set<std::string> named;
    for (const auto& failure : f.row(release).failures) named.insert(failure.engine);
    return named == std::set<std::string>{"s1.k0.e2", "s0.k1.e0"};
  }));
}

TEST_CASE("a create that hangs fails at its limit, and other modules go on") {
  TestFleet f(shape(1, 0, 1));
  Module m = module("f", "2");
  m.limits.create_ms = 3000;
  f.release(module("f", "1"));
  REQUIRE(f.becomes("f", "1"));
  f.world.modules().behave(f.artifact(m), Step::create, conduct(Fate::hangs));
  const auto two = f.release(m);
  f.release(module("g", "1"));
  CHECK(f.reports(two, wire::Phase::failed, 1));
  CHECK(f.becomes("g", "1", 20000));
  CHECK(f.all_serve("f", "1"));
}

TEST_CASE("a health check that hangs fails at its limit") {
  TestFleet f(shape(1, 0, 1));
  const Module m = module("f", "1");
  f.world.modules().behave(f.artifact(m), Step::health, conduct(Fate::hangs));
  const auto release = f.release(m);
  CHECK(f.reports(release, wire::Phase::failed, 1));
}

TEST_CASE("a destroy that does not end well is told, and one that is refused is tried again until it is done") {
  struct {
    Fate fate;
    const char* words;
    std::size_t left_behind;
  } cases[] = {{Fate::hangs, "'clingy': destroy took longer than 10000 ms; the service stays in memory until", 1},
               {Fate::fails, "'clingy': it cannot be destroyed yet: out of cheese", 0}};
  for (const auto& [fate, words, left_behind] : cases) {
    CAPTURE(words);
    TestFleet f(shape(1, 0, 1));
    const Module clingy = module("clingy", "1");
    f.world.modules().behave(f.artifact(clingy), Step::destroy, conduct(fate, 3));
    f.release(clingy);
    REQUIRE(f.becomes("clingy", "1"));
    f.unpublish("clingy");
    CHECK(f.eventually([&] { return f.says(f.status().notices, words); }, 15000));
    CHECK(f.all_serve("clingy", ""));
    const ModuleHost& host = *f.world.at("s0.e0").modules();
    CHECK(host.services() == 1);
    CHECK(f.eventually([&] { return host.services() == left_behind; }));
    f.world.advance(kMinute);
    CHECK(host.left_behind() == left_behind);
    CHECK(f.says(f.status().notices, words) == (left_behind > 0));
  }
}

TEST_CASE("a destroy that is refused while its engine closes is not waited for") {
  TestFleet f(shape(1, 0, 1));
  const Module clingy = module("clingy", "1");
  f.world.modules().behave(f.artifact(clingy), Step::destroy, conduct(Fate::fails));
  f.release(clingy);
  REQUIRE(f.becomes("clingy", "1"));
  f.world.at("s0.e0").close();
  CHECK(f.world.run_until([&] { return !f.world.at("s0.e0").up(); }, 2000));
}

TEST_CASE("a destroy that takes long or hangs is waited for by other loads, whose limit begins after it") {
  for (const Fate fate : {Fate::well, Fate::hangs}) {
    CAPTURE(std::string(name_of(fate)));
    TestFleet f(shape(1, 0, 1));
    const Module clingy = module("clingy", "1");
    Conduct slow = conduct(fate);
    slow.takes = 8 * kSecond;
    f.world.modules().behave(f.artifact(clingy), Step::destroy, slow);
    f.release(clingy);
    REQUIRE(f.becomes("clingy", "1"));
    f.unpublish("clingy");
    f.world.advance(1000);
    Module good = module("good", "1");
    good.limits.load_ms = 2000;
    const auto release = f.release(good);
    CHECK(f.eventually(
        [&] {
          CHECK(f.phase(release, wire::Phase::failed) == 0);
          return f.all_serve("good", "1");
        },
        15000));
    CHECK_FALSE(f.logged("wedged"));
    CHECK(f.world.at("s0.e0").modules()->left_behind() == (fate == Fate::hangs ? 1 : 0));
  }
}

TEST_CASE(
    "a load that hangs wedges the engine: it serves on, says so, and refuses other loads in words until it restarts") {
  TestFleet f(shape(1, 0, 2, true));
  f.release(module("f", "1"));
  REQUIRE(f.becomes("f", "1"));
  Module stuck = module("stuck", "1");
  stuck.limits.load_ms = 3000;
  const MachineId wedged = f.world.at("s0.e0").id();
  f.world.modules().behave(f.artifact(stuck), Step::load, conduct(Fate::hangs, 1), wedged);
  const auto release = f.release(stuck);
  CHECK(f.reports(release, wire::Phase::failed, 1));
  CHECK(f.engine_row("s0.e0").notice.find("stuck") != std::string::npos);
  const auto g = f.release(module("g", "1"));
  CHECK(f.becomes_on("s0.e1", "g", "1"));
  CHECK(f.reports(g, wire::Phase::failed, 1));
  bool in_words = false;
  for (const auto& service : f.engine_row("s0.e0").services)
    in_words = in_words || (service.name == "g" && service.reason.find("stuck") != std::string::npos);
  CHECK(in_words);
  CHECK(f.call("f", "still there?", "s0.e0").code == PINNATE_OK);
  f.world.restart("s0.e0");
  CHECK(f.becomes("g", "1"));
  CHECK(f.becomes("stuck", "1"));
  CHECK(f.engine_row("s0.e0").notice == "");
}

TEST_CASE("what takes long to read into memory is said to be the engine's own fault, and wedges nothing") {
  TestFleet f(shape(1, 0, 1));
  Module m = module("f", "1", 9 * 1024 * 1024);
  m.limits.load_ms = 3000;
  Conduct slow = conduct(Fate::well);
  slow.takes = 11 * kSecond;
  f.world.modules().behave(f.artifact(m), Step::assemble, slow);
  const auto one = f.release(m);
  CHECK(f.reports(one, wire::Phase::live, 1));  // in 12 s: 10, and 2 for its size
  slow.takes = 13 * kSecond;
  Module next = module("f", "2", 9 * 1024 * 1024);
  next.limits.load_ms = 3000;
  f.world.modules().behave(f.artifact(next), Step::assemble, slow);
  const auto two = f.release(next);
  REQUIRE(f.reports(two, wire::Phase::failed, 1));
  const wire::StatusRow row = f.row(two);
  REQUIRE_FALSE(row.failures.empty());
  CHECK(row.failures[0].reason ==
        "module 'f' 2: reading its artifact into memory took longer than 12000 ms: this engine's disk or memory is "
        "slow. The next try goes on where this one ended");
  CHECK(f.engine_row("s0.e0").notice == "");
  f.release(module("g", "1"));
  CHECK(f.becomes("g", "1", 20000));
  f.world.modules().behave_well(f.artifact(next));
  CHECK(f.becomes("f", "2"));
  f.world.advance(kMinute);
  CHECK(f.world.at("s0.e0").modules()->left_behind() == 0);
}

TEST_CASE("a release that supersedes one that is read into memory does not wait for that") {
  TestFleet f(shape(1, 0, 1));
  const Module large = module("f", "1");
  Conduct slow = conduct(Fate::well);
  slow.takes = 8 * kSecond;
  f.world.modules().behave(f.artifact(large), Step::assemble, slow);
  f.release(large);
  f.world.advance(2000);
  f.release(module("f", "2"));
  CHECK(f.becomes("f", "2", 2000));
}

TEST_CASE("a constructor that comes back after its limit ends the wedge, and what it made is not left in memory") {
  TestFleet f(shape(1, 0, 1));
  Module late = module("late", "1");
  late.limits.load_ms = 3000;
  Conduct slow = conduct(Fate::well);
  slow.takes = 8 * kSecond;
  f.world.modules().behave(f.artifact(late), Step::load, slow);
  const auto release = f.release(late);
  CHECK(f.reports(release, wire::Phase::failed, 1));
  CHECK(f.engine_row("s0.e0").notice.find("late") != std::string::npos);
  f.world.modules().behave_well(f.artifact(late));  // from the next try on
  CHECK(f.becomes("late", "1"));
  f.world.advance(30000);
  const ModuleHost& host = *f.world.at("s0.e0").modules();
  CHECK(host.services() == 1);
  CHECK(host.left_behind() == 0);
  CHECK(f.engine_row("s0.e0").notice == "");
}

TEST_CASE("what is to be destroyed while the engine is wedged is destroyed when that is over") {
  TestFleet f(shape(1, 0, 1));
  f.release(module("old", "1"));
  REQUIRE(f.becomes("old", "1"));
  Module late = module("late", "1");
  late.limits.load_ms = 3000;
  Conduct slow = conduct(Fate::well);
  slow.takes = 40 * kSecond;
  f.world.modules().behave(f.artifact(late), Step::load, slow);
  REQUIRE(f.reports(f.release(late), wire::Phase::failed, 1));
  f.unpublish("old");
  f.unpublish("late");
  CHECK(f.eventually([&] { return f.world.at("s0.e0").modules()->services() == 0; }));
  CHECK_FALSE(f.logged("stays in memory"));
}

TEST_CASE("a release that is superseded while its create or health check runs, which fails, leaves nothing in memory") {
  for (const Step step : {Step::create, Step::health}) {
    CAPTURE(std::string(name_of(step)));
    TestFleet f(shape(1, 0, 1));
    const Module bad = module("f", "1");
    Conduct failing = conduct(Fate::fails);
    failing.takes = 4 * kSecond;
    f.world.modules().behave(f.artifact(bad), step, failing);
    f.release(bad);
    f.world.advance(2000);
    f.release(module("f", "2"));
    CHECK(f.becomes("f", "2"));
    f.world.advance(1000);
    CHECK(f.world.at("s0.e0").modules()->services() == 1);
  }
}

TEST_CASE("a module that kills its process twice in a row is quarantined, and other modules go on") {
  for (Step step : {Step::load, Step::create}) {
    CAPTURE(int(step));
    TestFleet f(shape(1, 0, 1, true));
    f.release(module("f", "1"));
    REQUIRE(f.becomes("f", "1"));
    f.world.advance(2 * kMinute);  // f is trusted
    const Module killer = module("killer", "1");
    f.world.modules().behave(f.artifact(killer), step, conduct(Fate::kills));
    const auto release = f.release(killer);
    CHECK(f.reports(release, wire::Phase::failed, 1, 2 * kMinute));
    const auto lives = f.world.at("s0.e0").lives();
    CHECK(lives == 3);
    CHECK(f.becomes("f", "1"));
    f.release(module("g", "1"));
    CHECK(f.becomes("g", "1"));
    const wire::StatusRow row = f.row(release);
    REQUIRE_FALSE(row.failures.empty());
    CHECK(row.failures[0].reason.find("quarantine") != std::string::npos);
    CHECK(f.world.at("s0.e0").lives() == lives);
  }
}

TEST_CASE(
    "two modules that kill their process are both quarantined, however their deaths alternate, and others go on") {
  TestFleet f(shape(1, 0, 1, true));
  for (const char* name : {"killer-a", "killer-b"}) {
    const Module killer = module(name, "1");
    f.world.modules().behave(f.artifact(killer), Step::create, conduct(Fate::kills));
    const auto release = f.release(killer);
    CHECK(f.reports(release, wire::Phase::failed, 1, 2 * kMinute));
  }
  const auto lives = f.world.at("s0.e0").lives();
  CHECK(lives == 5);
  f.world.restart("s0.e0");
  f.release(module("f", "1"));
  CHECK(f.becomes("f", "1", 20000));
  f.world.advance(20000);
  CHECK(f.world.at("s0.e0").lives() == lives + 1);
}

TEST_CASE("a quarantined module is tried again after a while, and runs if it does well then") {
  TestFleet f(shape(1, 0, 1, true));
  const Module killer = module("killer", "1");
  f.world.modules().behave(f.artifact(killer), Step::create, conduct(Fate::kills, 2));
  const auto release = f.release(killer);
  CHECK(f.reports(release, wire::Phase::failed, 1, 2 * kMinute));
  CHECK(f.becomes("killer", "1", 6 * kHour));
  CHECK(f.reports(release, wire::Phase::live, 1));
}

TEST_CASE("a quarantine is twice as long each time, and at most an hour") {
  TestFleet f(shape(1, 0, 1, true));
  const Module killer = module("killer", "1");
  f.world.modules().behave(f.artifact(killer), Step::create, conduct(Fate::kills, 12));
  const MachineId engine = f.world.at("s0.e0").id();
  std::vector<Micros> deaths;
  f.world.trace().observer = [&](const Occurrence& o) {
    if (o.host == engine && o.what == What::started) deaths.push_back(o.at);  // the next life begins soon after
  };
  f.release(killer);
  for (int minutes = 0; minutes < 12 * 60 && deaths.size() < 12; ++minutes) f.world.advance(kMinute);
  REQUIRE(deaths.size() == 12);
  CHECK(f.becomes("killer", "1", 2 * kHour));
  for (std::size_t i = 2; i < deaths.size(); ++i) {
    const Micros quarantine = std::min<Micros>(60 * kSecond << (i - 2), 3600 * kSecond);
    CHECK(deaths[i] - deaths[i - 1] >= quarantine);
    CHECK(deaths[i] - deaths[i - 1] < quarantine + quarantine / 10 + 30 * kSecond);
  }
}

TEST_CASE("a death within the first minute of a service counts against it, and one after that does not") {
  for (const bool within : {true, false}) {
    CAPTURE(within);
    TestFleet f(shape(1, 0, 1, true));
    const auto release = f.release(module("f", "1"));
    for (int deaths = 0; deaths < 2; ++deaths) {
      REQUIRE(f.becomes("f", "1", 30000));
      f.world.advance(within ? 55000 : 65000);
      f.world.restart("s0.e0");
    }
    f.world.advance(10000);
    CHECK((f.world.version_on("s0.e0", "f") == "") == within);
    CHECK(f.reports(release, within ? wire::Phase::failed : wire::Phase::live, 1));
  }
}

TEST_CASE("an engine that dies by accident in the first minute of a service brings it up again") {
  TestFleet f(shape(1, 0, 1, true));
  f.release(module("f", "1"));
  REQUIRE(f.becomes("f", "1"));
  f.world.restart("s0.e0");
  CHECK(f.becomes("f", "1", 30000));
}

TEST_CASE("a module withdrawn while it waits for its turn to load is not loaded, and holds up nothing") {
  TestFleet f(shape(1, 0, 2));
  const Module slow = module("slow", "1");
  Conduct takes_long;
  takes_long.takes = 5 * kSecond;
  f.world.modules().behave(f.artifact(slow), Step::load, takes_long);
  f.release(slow);
  f.world.advance(1000);
  for (int i = 0; i < 5; ++i) f.release(module("m" + std::to_string(i), "1", 1000));
  f.world.advance(1000);
  for (int i = 0; i < 4; ++i) f.unpublish("m" + std::to_string(i));
  CHECK(f.becomes("m4", "1"));
  CHECK(f.becomes("slow", "1"));
  for (int i = 0; i < 4; ++i) CHECK(f.all_serve("m" + std::to_string(i), ""));
}

TEST_CASE("a module withdrawn while its chunks are on their way is given up") {
  TestFleet f(shape(1, 0, 2));
  f.world.advance(1000);
  for (const auto& engine : f.fleet.engines) f.world.limit("s0", engine, 200000);
  for (int round = 0; round < 5; ++round) {
    f.release(module("m", std::to_string(round), 600000));
    f.world.advance(700);
    f.unpublish("m");
    f.world.advance(300);
  }
  f.release(module("n", "1", 1000));
  CHECK(f.becomes("n", "1"));
  f.world.advance(kMinute);
  CHECK(f.all_serve("m", ""));
}
