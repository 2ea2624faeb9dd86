// What a host gets wrong with a fleet in virtual time is said in words, and nothing happens.
#include "testing_world.h"

#include "answers.h"
#include "world.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>

TEST_CASE("options of a fleet that are out of range are refused before anything is made") {
  TestingFleet fleet;
  pinnate_testing_options& o = fleet.options;
  const auto refused = [&](pinnate_status status, const char* words) {
    CHECK(pinnate_testing_open(&o, &fleet.handle) == status);
    CHECK_MESSAGE(says(words), pinnate_last_error());
    CHECK(fleet.handle == nullptr);
    o = PINNATE_TESTING_OPTIONS_INIT;
  };
  CHECK(pinnate_testing_open(&o, nullptr) == PINNATE_INVALID);
  CHECK(says("fleet is NULL"));
  CHECK(pinnate_testing_open(nullptr, &fleet.handle) == PINNATE_INVALID);
  CHECK(says("options is NULL"));
  o.size = 0;
  refused(PINNATE_INVALID, "options.size is 0");
  o.sites = 100001;
  refused(PINNATE_TOO_LARGE, "options.sites is 100001; at most 100000");
  o.sites = 1000, o.engines = 101;
  refused(PINNATE_TOO_LARGE, "the number of engines is 101000; at most 100000");
  o.sites = o.clusters = o.engines = 0xffffffff;
  refused(PINNATE_TOO_LARGE, "options.sites is 4294967295");
  o.sites = 100000;
  refused(PINNATE_TOO_LARGE, "the number of gateways is 200000");
  o.depth = 9;
  refused(PINNATE_TOO_LARGE, "options.depth is 9; at most 8");
  o.depth = 1, o.clusters = 2;
  refused(PINNATE_INVALID, "engines stand right below their site");
  o.latency_min_us = 3000, o.latency_max_us = 1000;
  refused(PINNATE_INVALID, "options.latency_min_us is 3000, more than latency_max_us, which is 1000");
  o.latency_max_us = 10000001;
  refused(PINNATE_TOO_LARGE, "options.latency_max_us is 10000001");
  o.heartbeat_ms = 49;
  refused(PINNATE_INVALID, "heartbeat_ms is 49");
  o.platform = "two words";
  refused(PINNATE_INVALID, "options.platform");
  o.log_level = static_cast<pinnate_log_level>(4);
  refused(PINNATE_INVALID, "options.log_level is 4");
  o.describe = [](void*, pinnate_testing_tier* tier) { tier->label_count = 1; };
  refused(PINNATE_INVALID, "tier 'c': labels is NULL");
  o.describe = [](void*, pinnate_testing_tier* tier) {
    static const pinnate_label wrong{sizeof wrong, "two words", "x"};
    static const pinnate_label* const labels = &wrong;
    if (tier->role == PINNATE_ROLE_ENGINE) tier->labels = &labels, tier->label_count = 1;
  };
  refused(PINNATE_INVALID, "tier 's0.k0.e0': label key 'two words'");
  o.describe = [](void*, pinnate_testing_tier* tier) { tier->latency_us = 10000001; };
  refused(PINNATE_TOO_LARGE, "tier 'c': latency_us is 10000001");
  o.describe = [](void*, pinnate_testing_tier* tier) { tier->platform = nullptr; };
  refused(PINNATE_INVALID, "tier 's0.k0.e0': platform is NULL");
}

TEST_CASE("NULL for a fleet or a required argument is named") {
  TestingFleet fleet(1, 1, 1);
  fleet.open();
  pinnate_testing_fleet* const none = nullptr;
  CHECK(pinnate_testing_advance(none, 1) == PINNATE_INVALID);
  CHECK(says("fleet is NULL"));
  CHECK(pinnate_testing_close(none) == PINNATE_INVALID);
  const pinnate_testing_tier* const* tiers;
  CHECK(pinnate_testing_tiers(fleet, &tiers, nullptr) == PINNATE_INVALID);
  CHECK(says("count is NULL"));
  CHECK(pinnate_testing_now(fleet, nullptr) == PINNATE_INVALID);
  CHECK(pinnate_testing_run_until(fleet, nullptr, nullptr, 1) == PINNATE_INVALID);
  CHECK(says("condition is NULL"));
  CHECK(pinnate_testing_add_loader(fleet, nullptr) == PINNATE_INVALID);
  CHECK(pinnate_testing_publish(fleet, nullptr, nullptr) == PINNATE_INVALID);
  CHECK(says("publish is NULL"));
  CHECK(pinnate_testing_unpublish(fleet, nullptr, 0) == PINNATE_INVALID);
  CHECK(pinnate_testing_call(fleet, nullptr, fleet.call_of("x"), nullptr) == PINNATE_INVALID);
  CHECK(says("result is NULL"));
  pinnate_bytes result;
  CHECK(pinnate_testing_call(fleet, nullptr, nullptr, &result) == PINNATE_INVALID);
  CHECK(pinnate_testing_begin_call(fleet, nullptr, fleet.call_of("x"), nullptr, nullptr) == PINNATE_INVALID);
  CHECK(pinnate_testing_status(fleet, nullptr, nullptr, nullptr) == PINNATE_INVALID);
  const pinnate_row* const* rows;
  std::size_t count;
  CHECK(pinnate_testing_lookup(fleet, nullptr, nullptr, &rows, &count, nullptr) == PINNATE_INVALID);
  CHECK(says("lookup is NULL"));
  CHECK(pinnate_testing_engine(fleet, "s0.k0.e0", nullptr) == PINNATE_INVALID);
  const pinnate_row* row;
  CHECK(pinnate_testing_engine(fleet, nullptr, &row) == PINNATE_INVALID);
  CHECK(says("engine is NULL"));
  const char* version;
  CHECK(pinnate_testing_version_on(fleet, nullptr, "greet", &version) == PINNATE_INVALID);
  CHECK(pinnate_testing_version_on(fleet, "s0.k0.e0", nullptr, &version) == PINNATE_INVALID);
  std::uint64_t engines;
  CHECK(pinnate_testing_count(fleet, nullptr, nullptr, &engines) == PINNATE_INVALID);
  CHECK(pinnate_testing_is_up(fleet, nullptr, nullptr, nullptr) == PINNATE_INVALID);
  CHECK(pinnate_testing_cut(fleet, "c", nullptr) == PINNATE_INVALID);
  CHECK(says("b is NULL"));
  CHECK(pinnate_testing_partition(fleet, nullptr) == PINNATE_INVALID);
  CHECK(pinnate_testing_kill(fleet, nullptr) == PINNATE_INVALID);
  CHECK(pinnate_testing_lose_power(fleet, nullptr) == PINNATE_INVALID);
  CHECK(pinnate_testing_stop(fleet, nullptr) == PINNATE_INVALID);
  CHECK(pinnate_testing_restart(fleet, nullptr) == PINNATE_INVALID);
  CHECK(pinnate_testing_inject(fleet, nullptr) == PINNATE_INVALID);
  CHECK(pinnate_testing_cure(fleet, nullptr, "1") == PINNATE_INVALID);
  CHECK(fleet.now() == 0);
}

TEST_CASE("names that are nobody's, and what makes no sense of a tier, are told") {
  TestingFleet fleet(1, 1, 1);
  fleet.open();
  CHECK(pinnate_testing_kill(fleet, "s9") == PINNATE_NOT_FOUND);
  CHECK(says("this fleet has no tier 's9'"));
  fleet.call("x", nullptr, "s9");
  CHECK(fleet.last == PINNATE_NOT_FOUND);
  const pinnate_row* row;
  CHECK(pinnate_testing_engine(fleet, "s0", &row) == PINNATE_INVALID);
  CHECK(says("'s0' is no engine"));
  CHECK(pinnate_testing_cut(fleet, "c", "s0.k0") == PINNATE_INVALID);
  CHECK(says("not adjacent"));
  CHECK(pinnate_testing_partition(fleet, "c") == PINNATE_INVALID);
  CHECK(says("everything is below the controller"));
  CHECK(pinnate_testing_wait_live(fleet, 7, 0, 1000) == PINNATE_NOT_FOUND);
  CHECK(says("release 7 was not published here"));
  CHECK(pinnate_testing_advance(fleet, 31536000001) == PINNATE_INVALID);
  CHECK(says("at most 31536000000"));
  CHECK(fleet.publish("no version", "x") == PINNATE_INVALID);
  CHECK(fleet.now() == 0);

  fleet.publish_live("1.0.0", "one");
  CHECK(fleet.publish("1.0.0", "other bytes") == PINNATE_CONFLICT);
  REQUIRE(fleet.publish("2.0.0", "two", "region=nowhere") == PINNATE_OK);
  CHECK(pinnate_testing_wait_live(fleet, fleet.published.release, 0, 1000) == PINNATE_INVALID);
  CHECK(says("selects 0 of the engines that are up"));
  const std::uint64_t old = fleet.published.release;
  REQUIRE(fleet.publish("3.0.0", "three") == PINNATE_OK);
  CHECK(pinnate_testing_wait_live(fleet, old, 0, 1000) == PINNATE_NOT_FOUND);
  CHECK(says("is not current: superseded or withdrawn"));
}

TEST_CASE("a fault that makes no sense is refused in words") {
  TestingFleet fleet(1, 1, 1);
  fleet.open();
  const auto refused = [&](const char* words, auto change, pinnate_status status = PINNATE_INVALID) {
    pinnate_testing_fault fault = PINNATE_TESTING_FAULT_INIT;
    fault.name = "greet";
    fault.version = "1.0.0";
    change(fault);
    CHECK(pinnate_testing_inject(fleet, &fault) == status);
    CHECK_MESSAGE(says(words), pinnate_last_error());
  };
  refused("fault.size is 0", [](auto& f) { f.size = 0; });
  refused("fault.name is NULL", [](auto& f) { f.name = nullptr; });
  refused("fault.version is NULL", [](auto& f) { f.version = nullptr; });
  refused("function name 'No'", [](auto& f) { f.name = "No"; });
  refused("fault.step is 5", [](auto& f) { f.step = PINNATE_TESTING_STEP_COUNT; });
  refused("fault.fate is 4", [](auto& f) { f.fate = PINNATE_TESTING_FATE_COUNT; });
  refused("a destroy cannot fail", [](auto& f) { f.step = PINNATE_TESTING_DESTROY; });
  refused("fault.takes_ms is 0", [](auto& f) { f.fate = PINNATE_TESTING_SLOW; });
  refused("fault.takes_ms is 600001", [](auto& f) { f.takes_ms = 600001; });
  refused("'s0' is no engine", [](auto& f) { f.engine = "s0"; });
  refused(
      "no tier 's9'", [](auto& f) { f.engine = "s9"; }, PINNATE_NOT_FOUND);
  const std::string long_reason(513, 'x');
  refused(
      "longer than 512 bytes", [&](auto& f) { f.reason = long_reason.c_str(); }, PINNATE_TOO_LARGE);
  CHECK(pinnate_testing_cure(fleet, "greet", "1.0.0") == PINNATE_NOT_FOUND);
}

TEST_CASE("a fleet that was closed is told so, also when it is closed twice") {
  TestingFleet fleet(1, 1, 1);
  fleet.open();
  pinnate_testing_fleet* const gone = fleet.handle;
  fleet.close();
  CHECK(pinnate_testing_close(gone) == PINNATE_CLOSED);
  CHECK(says("it was closed, or never was"));
  CHECK(pinnate_testing_advance(gone, 1) == PINNATE_CLOSED);
  std::uint64_t now;
  CHECK(pinnate_testing_now(gone, &now) == PINNATE_CLOSED);
}

TEST_CASE("from inside a callback only what is said to go anywhere goes") {
  TestingFleet fleet(1, 1, 1);
  fleet.open();
  REQUIRE(fleet.publish("1.0.0", "one") == PINNATE_OK);
  const auto condition = [](void* arg) {
    TestingFleet& f = *static_cast<TestingFleet*>(arg);
    CHECK(pinnate_testing_advance(f, 1) == PINNATE_WRONG_THREAD);
    CHECK(says("from inside a callback of this fleet"));
    CHECK(pinnate_testing_kill(f, "s0") == PINNATE_WRONG_THREAD);
    CHECK(pinnate_testing_close(f) == PINNATE_WRONG_THREAD);
    CHECK(f.is_up("s0"));
    return int(f.count() == 1);
  };
  CHECK(pinnate_testing_run_until(fleet, condition, &fleet, 10000) == PINNATE_OK);
}

TEST_CASE("threads may take turns, and one that comes while another is inside is told so") {
  TestingFleet fleet(1, 1, 1);
  fleet.open();
  std::thread([&] { CHECK(pinnate_testing_advance(fleet, 1) == PINNATE_OK); }).join();
  struct Both {
    TestingFleet& fleet;
    pinnate_status other = PINNATE_OK, looking = PINNATE_OK;
  } both{fleet};
  const auto condition = [](void* arg) {
    Both& b = *static_cast<Both*>(arg);
    std::thread([&] {
      b.other = pinnate_testing_advance(b.fleet, 1);
      std::uint64_t now;
      b.looking = pinnate_testing_now(b.fleet, &now);
    }).join();
    return 1;
  };
  CHECK(pinnate_testing_run_until(fleet, condition, &both, 10) == PINNATE_OK);
  CHECK(both.other == PINNATE_WRONG_THREAD);
  CHECK(both.looking == PINNATE_WRONG_THREAD);
}

TEST_CASE("in a child of fork() a fleet says so") {
  TestingFleet fleet(1, 1, 1);
  fleet.open();
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::uint64_t now;
    int wrong = pinnate_testing_advance(fleet, 1) != PINNATE_FORKED;
    wrong += pinnate_testing_now(fleet, &now) != PINNATE_FORKED;
    _exit(wrong);
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(pinnate_testing_advance(fleet, 1) == PINNATE_OK);
}
