#include <doctest/doctest.h>

#include "runtime/reactor.h"
#include "runtime/joined_thread.h"
#include "threads_of_process.h"

#include <signal.h>
#include <uv.h>

#include <atomic>
#include <chrono>
#include <future>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace pinnate::runtime;

namespace {

// Whoever let go of the loop's thread last has told it to leave.
bool loop_thread_gone() {
  JoinedThread::join_leaving(5000);
  return threads_named("pinnate-loop") == 0;
}

}  // namespace

TEST_CASE("the shared thread starts with its first user and ends with its last") {
  REQUIRE(loop_thread_gone());
  auto one = Reactor::attach(nullptr);
  auto two = Reactor::attach(nullptr);
  CHECK(one == two);
  CHECK(one->shared_thread());
  one->run([] {});
  CHECK(threads_named("pinnate-loop") == 1);
  one.reset();
  two->run([] {});
  two.reset();
  CHECK(loop_thread_gone());
  auto again = Reactor::attach(nullptr);
  bool ran = false;
  again->run([&ran] { ran = true; });
  CHECK(ran);
}

TEST_CASE("the last user of the shared thread may leave on that very thread") {
  for (int i = 0; i < 50; i++) {
    auto reactor = Reactor::attach(nullptr);
    std::promise<void> left;
    Reactor* here = reactor.get();
    here->post([held = std::move(reactor), &left]() mutable {
      held.reset();
      left.set_value();
    });
    left.get_future().wait();
  }
  CHECK(loop_thread_gone());
}

TEST_CASE("the shared thread survives many threads that come and go") {
  std::vector<std::thread> users;
  std::atomic<int> ran{0};
  for (int t = 0; t < 8; t++)
    users.emplace_back([&ran] {
      for (int i = 0; i < 50; i++) {
        auto reactor = Reactor::attach(nullptr);
        reactor->run([&ran] { ran++; });
      }
    });
  for (auto& user : users) user.join();
  CHECK(ran == 400);
  CHECK(loop_thread_gone());
}

TEST_CASE("posts of one thread run in order, on the loop's thread, and not from inside post") {
  auto reactor = Reactor::attach(nullptr);
  std::vector<int> seen;
  bool inside = false, on_thread = true;
  reactor->run([&] {
    reactor->post([&] { seen.push_back(-1); });
    inside = !seen.empty();
  });
  for (int i = 0; i < 1000; i++)
    reactor->post([&, i] {
      on_thread = on_thread && reactor->on_loop_thread();
      seen.push_back(i);
    });
  reactor->run([] {});
  CHECK_FALSE(inside);
  CHECK(on_thread);
  CHECK_FALSE(reactor->on_loop_thread());
  REQUIRE(seen.size() == 1001);
  for (int i = 0; i < 1000; i++) CHECK(seen[static_cast<std::size_t>(i) + 1] == i);
}

TEST_CASE("run waits, runs at once on the loop's thread, and hands back what the work threw") {
  auto reactor = Reactor::attach(nullptr);
  int depth = 0;
  reactor->run([&] { reactor->run([&] { depth = 2; }); });
  CHECK(depth == 2);
  CHECK_THROWS_AS(reactor->run([] { throw std::runtime_error("no"); }), std::runtime_error);
}

TEST_CASE("signals are blocked on the shared thread") {
  auto reactor = Reactor::attach(nullptr);
  bool blocked = false;
  reactor->run([&] {
    sigset_t now;
    pthread_sigmask(SIG_SETMASK, nullptr, &now);
    blocked = sigismember(&now, SIGINT) && sigismember(&now, SIGPIPE) && sigismember(&now, SIGCHLD);
  });
  CHECK(blocked);
}

TEST_CASE("a host's loop has one reactor, is kept alive by it, and ends by itself after the last release") {
  uv_loop_t loop;
  uv_loop_init(&loop);
  auto reactor = Reactor::attach(&loop);
  CHECK(Reactor::attach(&loop) == reactor);
  CHECK_FALSE(reactor->shared_thread());
  CHECK(reactor->on_loop_thread());
  CHECK(uv_run(&loop, UV_RUN_NOWAIT) != 0);
  int ran = 0;
  std::thread other([posting = reactor, &ran, &reactor] {
    posting->post([&ran] { ran++; });
    posting->post([&ran, &reactor] {
      ran++;
      reactor.reset();
    });
  });
  CHECK(uv_run(&loop, UV_RUN_DEFAULT) == 0);
  other.join();
  CHECK(ran == 2);
  CHECK(uv_loop_close(&loop) == 0);
}

TEST_CASE("a host's reactor may be released on another thread") {
  uv_loop_t loop;
  uv_loop_init(&loop);
  auto reactor = Reactor::attach(&loop);
  std::thread other([held = std::move(reactor)]() mutable { held.reset(); });
  CHECK(uv_run(&loop, UV_RUN_DEFAULT) == 0);
  other.join();
  CHECK(uv_loop_close(&loop) == 0);
}

TEST_CASE("the end of a turn comes once per burst, also when a host's own callback asked for it") {
  struct Counter : TurnEnd {
    int turns = 0;
    void turn_ended() override { turns++; }
  } counter;
  uv_loop_t loop;
  uv_loop_init(&loop);
  auto reactor = Reactor::attach(&loop);
  reactor->post([&] {
    reactor->at_turn_end(&counter);
    reactor->at_turn_end(&counter);
  });
  for (int i = 0; i < 10 && counter.turns == 0; i++) uv_run(&loop, UV_RUN_ONCE);
  CHECK(counter.turns == 1);

  // A host's callback just before the loop waits, without anything else to wake it.
  struct Host {
    Reactor* reactor;
    Counter* counter;
    uv_prepare_t prepare;
  } host{reactor.get(), &counter, {}};
  uv_prepare_init(&loop, &host.prepare);
  host.prepare.data = &host;
  uv_prepare_start(&host.prepare, [](uv_prepare_t* p) {
    Host* h = static_cast<Host*>(p->data);
    h->reactor->at_turn_end(h->counter);
    uv_prepare_stop(p);
  });
  uv_run(&loop, UV_RUN_ONCE);  // would wait for ever
  CHECK(counter.turns == 2);
  uv_close(reinterpret_cast<uv_handle_t*>(&host.prepare), nullptr);
  reactor->at_turn_end(&counter);
  reactor->forget(&counter);
  reactor.reset();
  uv_run(&loop, UV_RUN_DEFAULT);
  CHECK(counter.turns == 2);
  CHECK(uv_loop_close(&loop) == 0);
}
