#include "answers.h"
#include "world.h"

#include "folder.h"
#include "runtime/reactor.h"
#include "runtime/joined_thread.h"
#include "threads_of_process.h"

#include <chrono>
#include <sys/wait.h>
#include <unistd.h>

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
    CHECK(pinnate_gateway_listen(gateway, "tcp://127.0.0.1:0", nullptr, 0) == PINNATE_WRONG_THREAD);
    CHECK(pinnate_gateway_close(gateway, nullptr, nullptr) == PINNATE_WRONG_THREAD);
  }).join();
}

TEST_CASE("the words of an error belong to the thread that made it") {
  CHECK(pinnate_gateway_close(nullptr, nullptr, nullptr) == PINNATE_INVALID);
  std::thread([] { CHECK(std::string(pinnate_last_error()) == ""); }).join();
  CHECK(says("gateway is NULL"));
}

TEST_CASE("in a child of fork() every function says so, and the parent goes on") {
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
      pinnate_gateway_options options = PINNATE_GATEWAY_OPTIONS_INIT;
      pinnate_gateway* gateway;
      wrong += pinnate_gateway_open(&options, &gateway) != PINNATE_FORKED;
      wrong += pinnate_controller_listen(controller, "tcp://127.0.0.1:0", nullptr, 0) != PINNATE_FORKED;
      wrong += pinnate_controller_status(controller, nullptr, RollupAnswer::on_rollup, nullptr) != PINNATE_FORKED;
      wrong += pinnate_controller_publish_wait(controller, nullptr, nullptr) != PINNATE_FORKED;
      wrong += pinnate_controller_close(controller, nullptr, nullptr) != PINNATE_FORKED;
      wrong += !says("fork()");
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
  // Time itself is under test: a thread of the pool bears the name of the one that began it until it
  // has its own, and nothing tells when.
  const auto come_to_be = [&](int wanted) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (threads() != wanted && std::chrono::steady_clock::now() < limit) usleep(1000);
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
                   pinnate_gateway_listen(gateway, "tcp://127.0.0.1:0", nullptr, 0) == PINNATE_OK &&
                   pinnate_gateway_status(gateway, nullptr, RollupAnswer::on_rollup, &rollup) == PINNATE_OK;
        all = all && pinnate_gateway_close(gateway, Closed::on_closed, &closed) == PINNATE_OK;
        if (all && world.until([&] { return closed.yet.load(); }) && rollup.times == 1) good++;
        pinnate_gateway_free(gateway);
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(good == kThreads * kRounds);
}
