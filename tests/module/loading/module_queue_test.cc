// Engines of one process share the queue in which their modules are loaded. What a module does
// there meets its own engine alone.
#include "base/thread.h"
#include "module/host.h"
#include "module/refused_threads.h"
#include "threads_of_process.h"

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <deque>
#include <functional>
#include <latch>
#include <mutex>
#include <set>
#include <thread>

using namespace pinnate;
using namespace pinnate::module;

namespace {

// An engine whose service 1 hangs in create, on a thread for modules.
struct Hung {
  TestHost host;
  Fifo fifo;
  Promised created;

  Hung() {
    REQUIRE(host.load(1, "misbehaving", "create-hangs " + fifo.path).ok());
    host->create(1, created.done());
    fifo.wait_until_inside();
  }
};

// A host whose modules are functions of the test's.
struct Scripted {
  std::function<void()> load, check_health, unload;
  TestHost host;

  Scripted() {
    pinnate_loader loader{};
    loader.size = sizeof loader;
    loader.kind = "scripted";
    loader.self = this;
    loader.load = [](void* self, const pinnate_image*, void** module, char*, size_t) {
      const auto& script = *static_cast<Scripted*>(*module = self);
      if (script.load) script.load();
      return 0;
    };
    loader.create = [](void*, const pinnate_host*, const void*, size_t, void** service, char*, size_t) {
      *service = nullptr;
      return 0;
    };
    loader.check_health = [](void* module, void*, char*, size_t) {
      static_cast<Scripted*>(module)->check_health();
      return 0;
    };
    loader.call = [](void*, void*, pinnate_reply*, const void*, size_t) {};
    loader.destroy = [](void*, void*) {};
    loader.unload = [](void* module) {
      const auto& script = *static_cast<Scripted*>(module);
      if (script.unload) script.unload();
    };
    REQUIRE(host->add_loader(loader).ok());
  }
  static LoadOrder order() {
    LoadOrder order = TestHost::order(1, "bytes");
    order.loader = "scripted";
    return order;
  }
};

// Those that joined in end when there is nothing to do, and those that were left behind when they
// come back.
void wait_for_threads(int at_most) {
  const auto limit = Clock::now() + std::chrono::seconds(30);
  while (threads_named("pinnate-module") > at_most && Clock::now() < limit)
    usleep(1000);  // time itself is under test: the end of a thread that nobody joins is told by nothing else
  CHECK(threads_named("pinnate-module") <= at_most);
}

void no_thread_is_left() { CHECK(threads_named("pinnate-module") == 0); }

}  // namespace

TEST_CASE("orders of a hundred engines are carried out by few threads") {
  std::mutex mutex;
  std::set<std::thread::id> threads;
  std::deque<Scripted> engines(100);
  std::deque<Promised> loaded;
  for (Scripted& engine : engines) {
    engine.load = [&] {
      const std::lock_guard lock(mutex);
      threads.insert(std::this_thread::get_id());
    };
    engine.host.load(Scripted::order(), loaded.emplace_back().done());
  }
  for (Promised& each : loaded) CHECK(each.get().status.ok());
  CHECK(threads.size() < 50);  // one or two, and some more for each that the system lets wait for milliseconds
}

TEST_CASE(
    "of the threads of a hundred engines two are left when there is nothing to do, and none when the last has closed") {
  no_thread_is_left();
  std::deque<TestHost> hosts(100);
  std::deque<Promised> created;
  for (TestHost& host : hosts) {
    host.load(TestHost::order(1, test_module("counter-1")),
              [&host, done = created.emplace_back().done()](const Outcome&) { host->create(1, done); });
  }
  for (Promised& each : created) CHECK(each.get().status.ok());
  wait_for_threads(2);
  while (hosts.size() > 1) hosts.pop_back();
  CHECK(threads_named("pinnate-module") > 0);
  hosts.front().serve(2, "counter-2");
  CHECK(hosts.front().call("").bytes.view() == "2 1");
  hosts.clear();
  no_thread_is_left();
}

TEST_CASE("an engine alone in its process keeps one thread, however its orders fall") {
  TestHost host;
  REQUIRE(host.load(1, "counter-1").ok());  // the thread may not have come yet
  REQUIRE(host.create(1).ok());
  for (int i = 0; i < 5000; i++) host->check_health(1, [](Outcome) {});  // some as the one before ends
  REQUIRE(host.check_health(1).ok());
  CHECK(threads_named("pinnate-module") == 1);
}

TEST_CASE("modules that hold their threads hold up no other engine, and are answered when they come back") {
  std::deque<Hung> held(5);
  std::deque<Promised> checked;
  for (Hung& each : held) each.host->check_health(1, checked.emplace_back().done());
  TestHost other;
  other.serve(1, "counter-1");
  CHECK(other.check_health(1).ok());
  CHECK(other.call("").bytes.view() == "1 1");
  other->deactivate("f");
  CHECK(other.drain(1).ok());
  CHECK(other.destroy(1).ok());
  other.close();
  CHECK(threads_named("pinnate-module") > 5);
  for (std::size_t i = 0; i < held.size(); i++) {
    CHECK(held[i].created.times() == 0);
    CHECK(checked[i].times() == 0);  // in its own engine one order comes after the other
    held[i].fifo.let_go();
    CHECK(held[i].created.get().status.ok());
    CHECK(checked[i].get().status.ok());
  }
  wait_for_threads(2);
}

TEST_CASE("modules of many engines that all wait for each other come to it") {
  constexpr int kEngines = 50;
  std::latch all{kEngines};
  std::deque<Scripted> engines(kEngines);
  std::deque<Promised> loaded;
  for (Scripted& engine : engines) {
    engine.load = [&] { all.arrive_and_wait(); };
    engine.host.load(Scripted::order(), loaded.emplace_back().done());
  }
  for (Promised& each : loaded) CHECK(each.get().status.ok());
}

TEST_CASE("orders that come while threads end for want of work are carried out") {
  constexpr int kEngines = 20;
  std::barrier all{kEngines};
  std::atomic<bool> each_alone{false};
  std::deque<Scripted> engines(kEngines);
  for (Scripted& engine : engines) {
    engine.check_health = [&] {
      if (!each_alone) all.arrive_and_wait();
    };
    engine.host.serve(Scripted::order());
  }
  for (int i = 0; i < 10; i++) {
    std::deque<Promised> together, alone;
    each_alone = false;
    for (Scripted& engine : engines) engine.host->check_health(1, together.emplace_back().done());
    CHECK(together.front().get().status.ok());
    each_alone = true;
    for (Scripted& engine : engines) engine.host->check_health(1, alone.emplace_back().done());
    for (Promised& each : together) CHECK(each.get().status.ok());
    for (Promised& each : alone) CHECK(each.get().status.ok());
  }
}

TEST_CASE("when the last engine has closed no thread is left in a destructor of a module's") {
  static std::atomic<int> left;
  static std::atomic<bool> first;
  left = 4, first = true;
  struct Local {
    ~Local() {
      // The first one ends because it is one too many.
      if (first.exchange(false)) usleep(100000);  // time itself is under test: who does not wait sees it under way
      --left;
    }
    bool touched = false;
  };
  {
    std::latch all{4};
    std::deque<Scripted> engines(4);
    std::deque<Promised> loaded;
    for (Scripted& engine : engines) {
      engine.load = [&] {
        thread_local Local local;
        local.touched = true;
        all.arrive_and_wait();  // each on a thread of its own
      };
      engine.host.load(Scripted::order(), loaded.emplace_back().done());
    }
    for (Promised& each : loaded) CHECK(each.get().status.ok());
  }
  CHECK(left == 0);
  no_thread_is_left();
}

TEST_CASE("a module that ends the thread it is created on takes nobody's orders with it") {
  Fifo fifo;
  TestHost host;
  REQUIRE(host.load(1, "misbehaving", "create-ends-thread " + fifo.path).ok());
  Promised created, second;
  host->create(1, created.done());
  fifo.wait_until_inside();
  host.load(TestHost::order(2, test_module("counter-1")), second.done());
  fifo.let_go();
  CHECK(second.get().status.ok());
  CHECK(created.get().status.message() == "module 'f' 1.0.0: ended the thread that called it");
  CHECK(host.destroy(1).ok());
  TestHost other;
  other.serve(1, "counter-2");
  CHECK(other.call("").bytes.view() == "2 1");
}

TEST_CASE("a module that cancels its thread ends nobody's order, its own neither") {
  TestHost host;
  host.serve(1, "misbehaving", "cancels-thread");
  CHECK(host.check_health(1).ok());
  CHECK(host.call("x").bytes.view() == "x");
  host->deactivate("f");
  CHECK(host.drain(1).ok());
  CHECK(host.destroy(1).ok());
  TestHost other;
  other.serve(1, "counter-1");
  CHECK(other.call("").bytes.view() == "1 1");
}

TEST_CASE("an order behind one that hangs is carried out, also when its thread had not gone idle before") {
  Scripted one, two;
  for (Scripted* engine : {&one, &two}) engine->host.serve(Scripted::order());
  std::atomic<bool> checked{false};
  std::atomic<std::latch*> until{nullptr};
  one.check_health = [&] {
    if (std::latch* latch = until) latch->wait();
  };
  two.check_health = [&] { checked = true; };
  for (int i = 0; i < 20; i++) {
    // Orders of two engines, each time as those before end: the one that watches now looks by
    // itself, now waits to be told.
    std::deque<Promised> before;
    const auto limit = Clock::now() + std::chrono::milliseconds(12);  // time itself is under test
    while (Clock::now() < limit) {
      checked = false;
      one.host->check_health(1, before.emplace_back().done());
      two.host->check_health(1, before.emplace_back().done());
      while (!checked && Clock::now() < limit) {  // not asleep, or all would be idle before the next
      }
    }
    std::latch answered{1};
    until = &answered;
    Promised hangs, behind;
    one.host->check_health(1, hangs.done());
    two.host->check_health(1, behind.done());
    CHECK(behind.get().status.ok());
    answered.count_down();
    CHECK(hangs.get().status.ok());
    for (Promised& each : before) CHECK(each.get().status.ok());
    until = nullptr;
  }
}

TEST_CASE("what finds no thread is refused in words, and runs when there are threads again") {
  TestHost host;
  REQUIRE(host.load(1, "counter-1").ok());
  {
    wait_for_threads(2);
    std::deque<Hung> hung(2);  // as many as there are threads
    const RefusedThreads refused;
    for (const Status& status : {host.create(1), host.load(2, "counter-1")}) {
      CHECK(status.code() == PINNATE_NO_MEMORY);
      CHECK(status.message().find("cannot start the thread 'pinnate-module'") != std::string::npos);
    }
    for (Hung& each : hung) each.fifo.let_go();
    for (Hung& each : hung) CHECK(each.created.get().status.ok());
    CHECK(host.create(1).ok());  // on the threads that have come back
  }
  const Hung hung;
  CHECK(host.check_health(1).ok());
  CHECK(host.load(2, "counter-1").ok());  // of the one that was refused nothing is left
}

TEST_CASE("of a service that is given up no order runs that waited") {
  Scripted engine;
  std::latch inside{1}, let_go{1}, unloaded{1};
  std::atomic<int> checks{0};
  engine.check_health = [&] {
    if (checks++ > 0) return;
    inside.count_down();
    let_go.wait();
  };
  engine.unload = [&] { unloaded.count_down(); };
  engine.host.serve(Scripted::order());
  Promised hangs, waits;
  engine.host->check_health(1, hangs.done());
  engine.host->check_health(1, waits.done());
  inside.wait();
  engine.host->abandon(1);
  engine.host.serve(2, "counter-1");  // behind them
  CHECK(checks == 1);
  let_go.count_down();
  unloaded.wait();  // its thread has let go of what is this test's
}

TEST_CASE(
    "a service that was given up is destroyed when its module comes back, for which closing waits up to its limit") {
  for (const bool hangs_again : {false, true}) {
    CAPTURE(hangs_again);
    Scripted engine;
    std::latch inside{1}, let_go{1}, unloading{1}, unloaded{1};
    engine.check_health = [&] {
      inside.count_down();
      let_go.wait();
    };
    engine.unload = [&] {
      unloading.count_down();
      unloaded.wait();
    };
    engine.host.serve(Scripted::order());
    engine.host->deactivate("f");
    engine.host->check_health(1, [](Outcome) {});
    inside.wait();
    engine.host->abandon(1);
    let_go.count_down();
    unloading.wait();
    const auto before = Clock::now();
    const std::uint32_t limit_ms = hangs_again ? 300 : 20000;
    Promised closed = engine.host.start_closing(limit_ms);
    if (!hangs_again) unloaded.count_down();
    closed.get();
    CHECK((Clock::now() - before >= std::chrono::milliseconds(limit_ms)) == hangs_again);  // time itself is under test
    if (hangs_again) unloaded.count_down();
    wait_for_threads(0);
  }
}

TEST_CASE("an engine that closes without a thread to destroy a service on says so and waits no longer") {
  TestHost host;
  host.serve(1, "counter-1");
  wait_for_threads(2);
  std::deque<Hung> hung(2);
  const RefusedThreads refused(1);  // the one that closes
  host.close();
  CHECK(host.said("module 'f' 1.0.0: cannot start the thread 'pinnate-module'"));
  CHECK_FALSE(host.said("did not end in time"));
}

TEST_CASE("a thread that comes back late ends nobody's turn but its own") {
  Fifo first, second;
  TestHost host, other;
  for (const ServiceId id : {1, 2, 3}) {
    const Fifo& fifo = id == 1 ? first : second;
    REQUIRE(host.load(id, "misbehaving", (id == 3 ? "echo " : "create-hangs ") + fifo.path).ok());
  }
  Promised late, hangs, waits;
  host->create(1, late.done());
  first.wait_until_inside();
  host->create(2, hangs.done());
  host->abandon(1);
  second.wait_until_inside();
  host->create(3, waits.done());
  const int before = threads_named("pinnate-module");
  first.let_go();
  wait_for_threads(before - 1);
  other.serve(1, "counter-1");  // whatever was ready has been taken by then
  CHECK(waits.times() == 0);
  host->abandon(2);
  CHECK(waits.get().status.ok());
  second.let_go();
}

TEST_CASE("engines that come, load, hang and go on many threads at once all end whole") {
  std::deque<std::thread> threads;
  for (int t = 0; t < 4; t++)
    threads.emplace_back([t] {
      for (int i = 0; i < 12; i++) {
        if ((i + t) % 3 == 0) {
          Hung hung;
          goes_on_without_and_closes(hung.host, 1, hung.fifo, hung.created);
        } else {
          TestHost host;
          host.serve(1, "counter-2");
          CHECK(host.call("").bytes.view() == "2 1");
          host.close();
        }
      }
    });
  for (std::thread& thread : threads) thread.join();
  wait_for_threads(0);
  no_thread_is_left();
}
