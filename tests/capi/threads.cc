#include "answers.h"
#include "one_of_each.h"

#include "folder.h"
#include "runtime/joined_thread.h"
#include "runtime/reactor.h"
#include "threads_of_process.h"

#include <sys/wait.h>
#include <unistd.h>
#include <chrono>

namespace {

// A handle tells that it has closed on the library's thread, and lets go of it after that: whoever
// comes to that thread then is its last user, unless a handle keeps it.
void join_loop_thread() {
  auto reactor = pinnate::runtime::Reactor::attach(nullptr);
  reactor->run([] {});
  reactor.reset();
  pinnate::runtime::JoinedThread::join_leaving(5000);
}

}  // namespace

TEST_CASE("a handle on the host's loop refuses other threads") {
  World world(true);
  Gateway gateway(world);
  REQUIRE(open(gateway) == PINNATE_OK);
  std::thread([&] {
    RollupAnswer rollup;
    CHECK(pinnate_gateway_status(gateway, nullptr, RollupAnswer::on_rollup, &rollup) == PINNATE_WRONG_THREAD);
    CHECK(says("on that loop's thread"));
    CHECK(pinnate_gateway_listen(gateway, "tcp://127.0.0.1:0", nullptr, 0, nullptr) == PINNATE_WRONG_THREAD);
    CHECK(pinnate_gateway_close(gateway, nullptr, nullptr) == PINNATE_WRONG_THREAD);
  }).join();
}

TEST_CASE("the words of an error belong to the thread that made it") {
  CHECK(pinnate_gateway_close(nullptr, nullptr, nullptr) == PINNATE_INVALID);
  std::thread([] { CHECK(std::string(pinnate_last_error()) == ""); }).join();
  CHECK(says("gateway is NULL"));
}

TEST_CASE("in a child of fork() the parent's handles say so, and the parent goes on") {
  for (const bool own_loop : {true, false}) {
    World world(own_loop);
    TestFolder folder;
    Controller controller(world);
    REQUIRE(open(controller, folder.path + "/state") == PINNATE_OK);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      // No doctest in here: its results would be lost.
      int wrong = 0;
      wrong += pinnate_controller_listen(controller, "tcp://127.0.0.1:0", nullptr, 0, nullptr) != PINNATE_FORKED;
      wrong += pinnate_controller_status(controller, nullptr, RollupAnswer::on_rollup, nullptr) != PINNATE_FORKED;
      wrong += pinnate_controller_publish_wait(controller, nullptr, nullptr, nullptr, 0) != PINNATE_FORKED;
      wrong += pinnate_controller_close(controller, nullptr, nullptr) != PINNATE_FORKED;
      wrong += pinnate_controller_close_wait(controller) != PINNATE_FORKED;
      wrong += !says("fork()");
      pinnate_controller_free(controller);  // does nothing, and so does the parent's no harm
      _exit(wrong);
    }
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    RollupAnswer rollup;
    REQUIRE(pinnate_controller_status(controller, nullptr, RollupAnswer::on_rollup, &rollup) == PINNATE_OK);
    CHECK(world.until([&] { return rollup.came(); }));
    CHECK(rollup.status == PINNATE_OK);
  }
}

// Everything that there is one of in a process has been used by the parent before: loop, pools,
// queue of modules. ThreadSanitizer has no threads in a child of a process with threads.
#ifndef __SANITIZE_THREAD__
TEST_CASE("a child of fork() has handles of its own, whatever its parent had open") {
  World world(false);
  Fleet fleet(world);
  const pinnate_publish publish = fleet.greet("1.0.0", "hello ");
  REQUIRE(pinnate_controller_publish_wait(fleet.controller, &publish, nullptr, nullptr, 0) == PINNATE_OK);
  REQUIRE(fleet.live("1.0.0"));
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    alarm(60);
    int wrong = 0;
    const std::string state = fleet.folder.path + "/child", at = "unix:" + fleet.folder.path + "/child-c";
    pinnate_controller_options above = PINNATE_CONTROLLER_OPTIONS_INIT;
    above.state_dir = state.c_str();
    pinnate_controller* controller = nullptr;
    wrong += pinnate_controller_open(&above, &controller) != PINNATE_OK;
    wrong += pinnate_controller_listen(controller, at.c_str(), nullptr, 0, nullptr) != PINNATE_OK;
    pinnate_engine_options below = PINNATE_ENGINE_OPTIONS_INIT;
    pinnate_engine* engine = nullptr;
    const pinnate_loader loader = greeting::loader();
    wrong += pinnate_engine_open(&below, &engine) != PINNATE_OK;
    wrong += pinnate_engine_add_loader(engine, &loader) != PINNATE_OK;
    wrong += pinnate_engine_dial_upstream(engine, at.c_str(), nullptr) != PINNATE_OK;
    pinnate_published published = PINNATE_PUBLISHED_INIT;
    wrong += pinnate_controller_publish_wait(controller, &publish, &published, nullptr, 0) != PINNATE_OK;
    wrong += pinnate_controller_when_live_wait(controller, published.release, 1, 20000, nullptr, 0) != PINNATE_OK;
    const pinnate_call call = fleet.call("you");
    char room[64];
    size_t bytes = 0;
    wrong += pinnate_engine_call_into(engine, &call, room, sizeof room, &bytes, nullptr, 0) != PINNATE_OK;
    wrong += bytes != 10;
    wrong += pinnate_engine_close_wait(engine) != PINNATE_OK;
    wrong += pinnate_controller_close_wait(controller) != PINNATE_OK;
    pinnate_engine_free(engine);
    pinnate_controller_free(controller);
    _exit(wrong);
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

#endif

TEST_CASE("a child of fork() keeps no address, link, lock or black box of its parent's alive") {
  World world(false);
  int go[2], up[2];  // fork() may return here before it has there
  REQUIRE(pipe(go) == 0);
  REQUIRE(pipe(up) == 0);
  pid_t child = 0;
  TestFolder folder;
  const std::string dir = folder.path + "/state", engine_dir = folder.path + "/engine";
  char bound[200] = "";
  const auto files_of = [](pid_t process) {
    std::string all;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/fd")) {
      std::error_code gone;
      all += std::filesystem::read_symlink(entry.path(), gone).string() + "\n";
    }
    return all;
  };
  {
    Controller controller(world);
    Engine engine(world);
    REQUIRE(open(controller, dir) == PINNATE_OK);
    REQUIRE(pinnate_controller_listen(controller, "tcp://127.0.0.1:0", bound, sizeof bound, nullptr) == PINNATE_OK);
    pinnate_engine_options options = PINNATE_ENGINE_OPTIONS_INIT;
    options.state_dir = engine_dir.c_str();
    REQUIRE(pinnate_engine_open(&options, &engine.handle) == PINNATE_OK);
    CHECK(files_of(getpid()).find("black-box") != std::string::npos);
    child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      char byte;
      close(go[1]);
      close(up[1]);
      _exit(read(go[0], &byte, 1) == 0 ? 0 : 1);  // until the parent lets it go
    }
    char byte;
    close(up[1]);
    REQUIRE(read(up[0], &byte, 1) == 0);
    const std::string held = files_of(child);
    CHECK(held.find(engine_dir) == std::string::npos);
    CHECK(held.find("LOCK") == std::string::npos);
    CHECK(held.find("socket:") == std::string::npos);
  }
  Controller again(world);
  CHECK(open(again, dir) == PINNATE_OK);
  CHECK(pinnate_controller_listen(again, bound, nullptr, 0, nullptr) == PINNATE_OK);
  close(go[1]);
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  close(go[0]);
  close(up[0]);
}

TEST_CASE("the library's thread ends with its last handle, and comes back with the next") {
  World world(false);
  for (int i = 0; i < 3; i++) {
    Gateway gateway(world);
    REQUIRE(open(gateway) == PINNATE_OK);
    RollupAnswer rollup;
    REQUIRE(pinnate_gateway_status(gateway, nullptr, RollupAnswer::on_rollup, &rollup) == PINNATE_OK);
    REQUIRE(world.until([&] { return rollup.came(); }));
    CHECK(rollup.status == PINNATE_OK);
    CHECK(rollup.id.substr(0, 8) == "gateway-");
  }
}

TEST_CASE("handles without a loop share one thread of the library's, which is gone after the last") {
  World world(false);
  const auto threads = [] { return threads_named("pinnate-loop"); };
  // A thread of the pool bears the name of the one that began it until it has its own.
  const auto come_to_be = [&](int wanted) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (threads() != wanted && std::chrono::steady_clock::now() < limit) usleep(1000);  // time itself is under test: nothing tells
    return threads() == wanted;
  };
  join_loop_thread();  // that of other tests
  REQUIRE(threads() == 0);
  {
    Gateway first(world), second(world);
    for (Gateway* gateway : {&first, &second}) {
      REQUIRE(open(*gateway) == PINNATE_OK);
      RollupAnswer rollup;
      REQUIRE(pinnate_gateway_status(*gateway, nullptr, RollupAnswer::on_rollup, &rollup) == PINNATE_OK);
      REQUIRE(world.until([&] { return rollup.came(); }));
      CHECK(come_to_be(1));
    }
    first.close();
    CHECK(come_to_be(1));
  }
  join_loop_thread();
  CHECK(threads() == 0);
}

TEST_CASE("handles on the library's thread may be opened, used and closed on many threads at once") {
  World world(false);
  constexpr int kThreads = 6, kRounds = 5;
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; t++)
    threads.emplace_back([&] {
      for (int i = 0; i < kRounds; i++) {
        pinnate_gateway_options options = PINNATE_GATEWAY_OPTIONS_INIT;
        pinnate_gateway* gateway = nullptr;
        RollupAnswer rollup;
        Closed closed;
        bool all = pinnate_gateway_open(&options, &gateway) == PINNATE_OK &&
                   pinnate_gateway_listen(gateway, "tcp://127.0.0.1:0", nullptr, 0, nullptr) == PINNATE_OK &&
                   pinnate_gateway_status(gateway, nullptr, RollupAnswer::on_rollup, &rollup) == PINNATE_OK;
        all = all && pinnate_gateway_close(gateway, Closed::on_closed, &closed) == PINNATE_OK;
        if (all && world.until([&] { return closed.yet.load(); }) && rollup.times == 1) good++;
        pinnate_gateway_free(gateway);
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(good == kThreads * kRounds);
}
