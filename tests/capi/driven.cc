// Handles on a loop that the host polls and dispatches.
#include <pinnate/loop.h>

#include "answers.h"
#include "greeting.h"
#include "world.h"

#include "folder.h"

#include <poll.h>

#include <thread>
#include <utility>

namespace {

struct Driven {
  Driven() { REQUIRE(pinnate_loop_new(&loop) == PINNATE_OK); }
  ~Driven() {
    CHECK(until([&] { return pinnate_loop_free(loop) == PINNATE_OK; }, false));
  }

  // As a host does it: polls, and dispatches. What it polls for tells all that happens.
  bool until(const std::function<bool()>& done, bool dispatch_last = true) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!done()) {
      if (std::chrono::steady_clock::now() > end) return false;
      pollfd p{pinnate_loop_fd(loop), POLLIN, 0};
      const int wait_ms = pinnate_loop_timeout_ms(loop);
      polls += ::poll(&p, 1, wait_ms < 0 || wait_ms > 1000 ? 1000 : wait_ms) >= 0;
      REQUIRE(pinnate_loop_dispatch(loop) == PINNATE_OK);
    }
    return dispatch_last ? pinnate_loop_dispatch(loop) == PINNATE_OK : true;
  }

  pinnate_loop* loop = nullptr;
  int polls = 0;
};

}  // namespace

TEST_CASE("a fleet lives on a loop that its host polls, and other threads use it too") {
  TestFolder folder;
  Driven driven;
  const std::string at = "unix:" + folder.path + "/c", state = folder.path + "/state";
  pinnate_controller_options above = PINNATE_CONTROLLER_OPTIONS_INIT;
  above.tier.loop = driven.loop;
  above.state_dir = state.c_str();
  pinnate_engine_options below = PINNATE_ENGINE_OPTIONS_INIT;
  below.tier.loop = driven.loop;
  pinnate_controller* controller = nullptr;
  pinnate_engine* engine = nullptr;
  const pinnate_loader loader = greeting::loader();
  const pinnate_loader* const loaders = &loader;
  below.loaders = &loaders;
  below.loader_count = 1;
  REQUIRE(pinnate_controller_open(&above, &controller) == PINNATE_OK);
  REQUIRE(pinnate_engine_open(&below, &engine) == PINNATE_OK);
  REQUIRE(pinnate_controller_listen(controller, at.c_str(), nullptr, 0, nullptr) == PINNATE_OK);
  REQUIRE(pinnate_engine_dial_upstream(engine, at.c_str(), nullptr) == PINNATE_OK);
  RollupAnswer watch;
  REQUIRE(pinnate_controller_watch(controller, RollupAnswer::on_rollup, &watch, nullptr) == PINNATE_OK);
  CHECK(watch.times == 0);  // nothing runs but in dispatch

  pinnate_artifact artifact = PINNATE_ARTIFACT_INIT;
  const pinnate_artifact* const artifacts = &artifact;
  artifact.bytes = {"hello ", 6};
  pinnate_publish publish = PINNATE_PUBLISH_INIT;
  publish.name = "greet";
  publish.version = "1";
  publish.loader = "greeting";
  publish.artifacts = &artifacts;
  publish.artifact_count = 1;
  std::thread other([&] {
    CHECK(pinnate_controller_publish_wait(controller, &publish, nullptr, nullptr, 0) == PINNATE_OK);
    CHECK(pinnate_loop_dispatch(driven.loop) == PINNATE_WRONG_THREAD);
  });
  CHECK(driven.until([&] { return watch.row("greet", "1").live == 1; }));
  other.join();
  CHECK(pinnate_controller_publish_wait(controller, &publish, nullptr, nullptr, 0) == PINNATE_WRONG_THREAD);

  ResultAnswer answer;
  pinnate_call call = PINNATE_CALL_INIT;
  call.name = "greet";
  call.payload = {"you", 3};
  REQUIRE(pinnate_controller_call(controller, &call, ResultAnswer::on_result, &answer) == PINNATE_OK);
  CHECK(driven.until([&] { return answer.came(); }));
  CHECK(answer.result == "hello you");

  pinnate_function* greet = nullptr;
  char room[16];
  size_t bytes = 0;
  REQUIRE(pinnate_engine_function(engine, "greet", &greet) == PINNATE_OK);
  CHECK(pinnate_function_call(greet, {"x", 1}, 0, room, sizeof room, &bytes, nullptr, 0) == PINNATE_WRONG_THREAD);
  pinnate_function_free(greet);

  CHECK(pinnate_loop_free(driven.loop) == PINNATE_IN_USE);
  Closed two;
  CHECK(pinnate_engine_close_wait(engine) == PINNATE_OK);  // dispatches meanwhile
  REQUIRE(pinnate_controller_close(controller, Closed::on_closed, &two) == PINNATE_OK);
  CHECK(driven.until([&] { return two.yet.load(); }));
  pinnate_engine_free(engine);
  pinnate_controller_free(controller);
}

TEST_CASE("an idle loop is not woken, and wakes for what comes over a socket and from a thread") {
  TestFolder folder;
  Driven driven;
  const std::string at = "unix:" + folder.path + "/g";
  pinnate_gateway_options options = PINNATE_GATEWAY_OPTIONS_INIT;
  options.tier.loop = driven.loop;
  pinnate_gateway* gateway = nullptr;
  REQUIRE(pinnate_gateway_open(&options, &gateway) == PINNATE_OK);
  // Between two dispatches, so that nothing but the descriptor can tell of it.
  REQUIRE(pinnate_loop_dispatch(driven.loop) == PINNATE_OK);
  REQUIRE(pinnate_gateway_listen(gateway, at.c_str(), nullptr, 0, nullptr) == PINNATE_OK);
  World world(false);
  {
    Client client(world);
    REQUIRE(open(client, at) == PINNATE_OK);
    RollupAnswer rollup;
    REQUIRE(pinnate_client_status(client, nullptr, RollupAnswer::on_rollup, &rollup) == PINNATE_OK);
    CHECK(driven.until([&] { return rollup.came(); }));
    CHECK(rollup.status == PINNATE_OK);
  }
  bool over = false;
  std::thread timer([&] {
    usleep(400'000);  // time itself is under test: in it nothing happens, and nothing may wake the loop
    RollupAnswer rollup;
    CHECK(pinnate_gateway_status_wait(gateway, nullptr, RollupAnswer::on_rollup, &rollup, nullptr, 0) == PINNATE_OK);
    pinnate_gateway_close(
        gateway, [](void* arg) { *static_cast<bool*>(arg) = true; }, &over);
  });
  driven.polls = 0;
  CHECK(driven.until([&] { return over; }));
  timer.join();
  CHECK(driven.polls < 60);  // a loop that is woken for nothing would be polled thousands of times
  pinnate_gateway_free(gateway);
}

TEST_CASE("a handle lives on one loop") {
  Driven driven;
  uv_loop_t uv;
  pinnate_gateway_options options = PINNATE_GATEWAY_OPTIONS_INIT;
  options.tier.loop = driven.loop;
  options.tier.uv_loop = &uv;
  pinnate_gateway* gateway = nullptr;
  CHECK(pinnate_gateway_open(&options, &gateway) == PINNATE_INVALID);
  CHECK(says("both uv_loop and loop"));
  CHECK(pinnate_loop_free(nullptr) == PINNATE_OK);
  CHECK(pinnate_loop_fd(nullptr) == -1);
}
