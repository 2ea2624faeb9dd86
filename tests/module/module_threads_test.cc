// Engines of one process share the threads on which their modules are loaded. What a module does there meets its own engine alone.
#include "host.h"
#include "module/thread.h"
#include "refused_threads.h"
#include "threads_of_process.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <latch>
#include <thread>

using namespace pinnate;
using namespace pinnate::module;

namespace {

LoadOrder misbehaving(const std::string& config, ServiceId id = 1) {
  return TestHost::order(id, test_module("misbehaving"), config);
}

// A host whose modules are functions of the test's.
struct Scripted {
  std::function<void()> load, check_health;
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
    loader.unload = [](void*) {};
    REQUIRE(host->add_loader(loader).ok());
  }
  static LoadOrder order() {
    LoadOrder order = TestHost::order(1, "bytes");
    order.loader = "scripted";
    return order;
  }
};

// Others join in while modules take long; they end when there is nothing to do.
void wait_for_two_threads() {
  const auto limit = Clock::now() + std::chrono::seconds(30);
  while (threads_named("pinnate-module") > 2 && Clock::now() < limit) std::this_thread::yield();
  CHECK(threads_named("pinnate-module") <= 2);
}

void no_thread_is_left() {
  CHECK(threads_named("pinnate-module") == 0);
  CHECK(threads_named("pinnate-watch") == 0);
}

}  // namespace

TEST_CASE("a hundred engines load on two threads, which end with the last of them") {
  no_thread_is_left();
  std::deque<TestHost> hosts(100);
  std::deque<Promised> created;
  for (TestHost& host : hosts) {
    host->load(TestHost::order(1, test_module("counter-1")), [](Outcome) {});
    host->create(1, created.emplace_back().done());
  }
  for (Promised& each : created) CHECK(each.get().status.ok());
  wait_for_two_threads();
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
  CHECK(threads_named("pinnate-watch") == 0);
}

TEST_CASE("modules that hold their threads hold up no other engine, and are answered when they come back") {
  std::deque<Fifo> fifos(5);
  std::deque<TestHost> held(5);
  std::deque<Promised> created, checked;
  for (std::size_t i = 0; i < held.size(); i++) {
    REQUIRE(held[i].load(misbehaving("create-hangs " + fifos[i].path)).ok());
    held[i]->create(1, created.emplace_back().done());
    held[i]->check_health(1, checked.emplace_back().done());
    fifos[i].wait_until_inside();
  }
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
    CHECK(created[i].times() == 0);
    CHECK(checked[i].times() == 0);  // in its own engine one order comes after the other
    fifos[i].let_go();
    CHECK(created[i].get().status.ok());
    CHECK(checked[i].get().status.ok());
  }
  wait_for_two_threads();
}

TEST_CASE("modules of many engines that all wait for each other come to it") {
  std::latch all{100};
  std::deque<Scripted> engines(100);
  std::deque<Promised> loaded;
  for (Scripted& engine : engines) {
    engine.load = [&] { all.arrive_and_wait(); };
    engine.host->load(Scripted::order(), loaded.emplace_back().done());
  }
  for (Promised& each : loaded) CHECK(each.get().status.ok());
}

TEST_CASE("modules that are slow but many are not all done by one thread") {
  std::deque<Scripted> engines(300);
  for (Scripted& engine : engines) {
    engine.check_health = [] { usleep(1000); };  // time itself is under test: less than anybody is waited for
    REQUIRE(engine.host.load(Scripted::order()).ok());
    REQUIRE(engine.host.create(1).ok());
  }
  std::deque<Promised> checked;
  for (Scripted& engine : engines) engine.host->check_health(1, checked.emplace_back().done());
  int most = 0;
  for (Promised& each : checked) {
    CHECK(each.get().status.ok());
    most = std::max(most, threads_named("pinnate-module"));
  }
  CHECK(most > 3);
  CHECK(most < 100);
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
      engine.host->load(Scripted::order(), loaded.emplace_back().done());
    }
    for (Promised& each : loaded) CHECK(each.get().status.ok());
  }
  CHECK(left == 0);
  no_thread_is_left();
}

TEST_CASE("a module that ends the thread it is created on takes nobody's orders with it") {
  Fifo fifo;
  TestHost host;
  REQUIRE(host.load(misbehaving("create-ends-thread " + fifo.path)).ok());
  Promised created, second;
  host->create(1, created.done());
  fifo.wait_until_inside();
  host->load(TestHost::order(2, test_module("counter-1")), second.done());
  fifo.let_go();
  CHECK(second.get().status.ok());
  CHECK(created.times() == 0);  // whoever ordered it has a limit
  TestHost other;
  other.serve(1, "counter-2");
  CHECK(other.call("").bytes.view() == "2 1");
  host->abandon(1);
}

TEST_CASE("a module that cancels its thread ends nobody else's order") {
  for (int i = 0; i < 20; i++) {
    Scripted cancels, next;
    for (Scripted* engine : {&cancels, &next}) {
      REQUIRE(engine->host.load(Scripted::order()).ok());
      REQUIRE(engine->host.create(1).ok());
    }
    std::latch both_ordered{1};
    cancels.check_health = [&] {
      both_ordered.wait();
      pthread_cancel(pthread_self());
    };
    next.check_health = [] { pthread_testcancel(); };
    Promised first, second;
    cancels.host->check_health(1, first.done());
    next.host->check_health(1, second.done());
    both_ordered.count_down();
    CHECK(first.get().status.ok());
    CHECK(second.get().status.ok());
  }
}

TEST_CASE("an order behind one that hangs is carried out, also when its thread had not gone idle before") {
  Scripted one, two;
  for (Scripted* engine : {&one, &two}) {
    REQUIRE(engine->host.load(Scripted::order()).ok());
    REQUIRE(engine->host.create(1).ok());
  }
  std::atomic<bool> checked{false};
  std::atomic<std::latch*> until{nullptr};
  one.check_health = [&] {
    if (std::latch* latch = until) latch->wait();
  };
  two.check_health = [&] { checked = true; };
  for (int i = 0; i < 50; i++) {
    Promised first, second;  // of two engines: the thread naps when it has done them
    one.host->check_health(1, first.done());
    two.host->check_health(1, second.done());
    while (!checked) {  // not asleep, or the nap would be over
    }
    std::latch answered{1};
    until = &answered;
    Promised hangs, behind;
    one.host->check_health(1, hangs.done());
    two.host->check_health(1, behind.done());
    CHECK(behind.get().status.ok());
    answered.count_down();
    for (Promised* each : {&first, &second, &hangs}) CHECK(each->get().status.ok());
    until = nullptr;
    checked = false;
  }
}

TEST_CASE("what finds no thread is refused in words, and runs when there are threads again") {
  Fifo fifo;
  TestHost holds, host;
  REQUIRE(holds.load(misbehaving("create-hangs " + fifo.path)).ok());
  REQUIRE(host.load(1, "counter-1").ok());
  wait_for_two_threads();
  Promised created;
  {
    // As many as there are threads hang.
    std::deque<Fifo> fifos(2);
    std::deque<TestHost> more(2);
    std::deque<Promised> hang(2);
    for (std::size_t i = 0; i < more.size(); i++) {
      REQUIRE(more[i].load(misbehaving("create-hangs " + fifos[i].path)).ok());
      more[i]->create(1, hang[i].done());
      fifos[i].wait_until_inside();
    }
    const RefusedThreads refused;
    Promised first;
    host->create(1, first.done());
    const Status status = first.get().status;
    CHECK(status.code() == PINNATE_NO_MEMORY);
    CHECK(status.message().find("cannot start the thread 'pinnate-module'") != std::string::npos);
    for (Fifo& each : fifos) each.let_go();
    for (Promised& each : hang) CHECK(each.get().status.ok());
    CHECK(host.create(1).ok());  // on the threads that have come back
  }
  holds->create(1, created.done());
  fifo.wait_until_inside();
  CHECK(host.check_health(1).ok());
  fifo.let_go();
  CHECK(created.get().status.ok());
}

TEST_CASE("a thread that comes back late ends nobody's turn but its own") {
  Fifo first, second;
  TestHost host, other;
  for (const ServiceId id : {1, 2, 3}) {
    const Fifo& fifo = id == 1 ? first : second;
    REQUIRE(host.load(misbehaving((id == 3 ? "echo " : "create-hangs ") + fifo.path, id)).ok());
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
  while (threads_named("pinnate-module") == before) std::this_thread::yield();
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
        Fifo fifo;
        TestHost host;
        host.serve(1, "counter-2");
        CHECK(host.call("").bytes.view() == "2 1");
        if ((i + t) % 3 == 0) {
          Promised hangs;
          REQUIRE(host.load(misbehaving("create-hangs " + fifo.path, 2)).ok());
          host->create(2, hangs.done());
          goes_on_without(host, 2, fifo, hangs);
        } else {
          host.close();
        }
      }
    });
  for (std::thread& thread : threads) thread.join();
  no_thread_is_left();
}
