// Engines of one process share the threads on which their modules are loaded; what one module does there is nobody else's trouble.
#include "host.h"
#include "module/thread.h"
#include "threads_of_process.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <thread>

using namespace pinnate;
using namespace pinnate::module;

namespace {

LoadOrder misbehaving(const std::string& config) { return TestHost::order(1, test_module("misbehaving"), config); }

// Others join in while modules take long; they end when there is nothing to do.
void wait_for_two_threads() {
  const auto limit = Clock::now() + std::chrono::seconds(30);
  while (threads_named("pinnate-module") > 2 && Clock::now() < limit) std::this_thread::yield();
  CHECK(threads_named("pinnate-module") <= 2);
}

}  // namespace

TEST_CASE("a hundred engines load on two threads, which end with the last of them") {
  REQUIRE(threads_named("pinnate-module") == 0);
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
  CHECK(threads_named("pinnate-module") == 0);
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

TEST_CASE("modules that are slow but many are not all done by one thread") {
  pinnate_loader loader{};
  loader.size = sizeof loader;
  loader.kind = "slow";
  loader.load = [](void*, const pinnate_image*, void** module, char*, size_t) {
    *module = nullptr;
    return 0;
  };
  loader.create = [](void*, const pinnate_host*, const void*, size_t, void** service, char*, size_t) {
    *service = nullptr;
    return 0;
  };
  loader.check_health = [](void*, void*, char*, size_t) {
    std::this_thread::sleep_for(
        std::chrono::milliseconds(3));  // time itself is under test: less than anybody is waited for
    return 0;
  };
  loader.call = [](void*, void*, pinnate_reply*, const void*, size_t) {};
  loader.destroy = [](void*, void*) {};
  loader.unload = [](void*) {};
  std::deque<TestHost> hosts(200);
  for (TestHost& host : hosts) {
    REQUIRE(host->add_loader(loader).ok());
    LoadOrder order = TestHost::order(1, "bytes");
    order.loader = "slow";
    REQUIRE(host.load(std::move(order)).ok());
    REQUIRE(host.create(1).ok());
  }
  std::deque<Promised> checked;
  for (TestHost& host : hosts) host->check_health(1, checked.emplace_back().done());
  int most = 0;
  for (Promised& each : checked) {
    CHECK(each.get().status.ok());
    most = std::max(most, threads_named("pinnate-module"));
  }
  CHECK(most > 3);
  CHECK(most < 100);
}

TEST_CASE("a thread that is one too many is not left in a module's code when the last engine has closed") {
  static std::atomic<int> inside{0};
  struct Slow {
    ~Slow() {
      static std::atomic<bool> first{true};
      inside++;
      if (first.exchange(false))  // the first one that ends takes its time: more than those that end after it
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
      inside--;
    }
    bool touched = false;
  };
  pinnate_loader loader{};
  loader.size = sizeof loader;
  loader.kind = "thread-local";
  loader.load = [](void*, const pinnate_image*, void** module, char*, size_t) {
    thread_local Slow slow;
    slow.touched = true;
    *module = nullptr;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // so that several threads come here
    return 0;
  };
  loader.create = [](void*, const pinnate_host*, const void*, size_t, void**, char*, size_t) { return 0; };
  loader.call = [](void*, void*, pinnate_reply*, const void*, size_t) {};
  loader.destroy = [](void*, void*) {};
  loader.unload = [](void*) {};
  std::deque<TestHost> hosts(4);
  std::deque<Promised> loaded;
  for (TestHost& host : hosts) {
    REQUIRE(host->add_loader(loader).ok());
    LoadOrder order = TestHost::order(1, "bytes");
    order.loader = "thread-local";
    host->load(std::move(order), loaded.emplace_back().done());
  }
  for (Promised& each : loaded) CHECK(each.get().status.ok());
  hosts.clear();
  CHECK(inside == 0);
  CHECK(threads_named("pinnate-module") == 0);
}

TEST_CASE("a module that ends the thread it is created on takes nobody's orders with it") {
  Fifo fifo;
  TestHost host, other;
  REQUIRE(host.load(misbehaving("create-ends-thread " + fifo.path)).ok());
  Promised created, second;
  host->create(1, created.done());
  fifo.wait_until_inside();
  host->load(TestHost::order(2, test_module("counter-1")), second.done());
  fifo.let_go();
  CHECK(second.get().status.ok());
  CHECK(created.times() == 0);  // whoever ordered it has a limit
  other.serve(1, "counter-2");
  CHECK(other.call("").bytes.view() == "2 1");
  host->abandon(1);
}

TEST_CASE("engines that come, load, hang and go on many threads at once all end whole") {
  std::deque<std::thread> threads;
  for (int t = 0; t < 4; t++)
    threads.emplace_back([t] {
      for (int i = 0; i < 12; i++) {
        Fifo fifo;
        TestHost host;
        host.serve(1, "counter-1");
        CHECK(host.call("").bytes.view() == "1 1");
        Promised hangs;
        if ((i + t) % 3 == 0) {
          LoadOrder order = misbehaving("create-hangs " + fifo.path);
          order.service = 2;
          REQUIRE(host.load(std::move(order)).ok());
          host->create(2, hangs.done());
          fifo.wait_until_inside();
          host->abandon(2);
        }
        host.serve(3, "counter-2");
        CHECK(host.call("").bytes.view() == "2 1");
        fifo.let_go();
        host.close();
        CHECK(hangs.times() == 0);
      }
    });
  for (std::thread& thread : threads) thread.join();
}
