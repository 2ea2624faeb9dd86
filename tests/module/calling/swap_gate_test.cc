// The gate alone, with real threads and as many swaps as it takes.
#include "module/calling/swap_gate.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <ctime>
#include <string>
#include <thread>

using namespace pinnate::module;

namespace {

struct Counting : Gate::Watcher {
  void gate_is_empty() override {
    const std::lock_guard lock(mutex);
    ++empties;
    changed.notify_all();
  }
  std::mutex mutex;
  std::condition_variable changed;
  int empties = 0;
};

// Notices calls after its end.
struct Room : Gate {
  using Gate::Gate;
  std::atomic<bool> ended{false};
  int plain = 0;  // written by whoever ends it: TSan sees a caller that is still inside
};

}  // namespace

TEST_CASE("a gate that was never activated lets nobody in") {
  SwapGate gate;
  Room room(std::make_shared<Counting>());
  CHECK(!room.enter());
  CHECK(!gate.enter("f"));
  CHECK(room.shut_and_empty());
}

TEST_CASE("from activation on, calls enter the new gate and the old one only empties") {
  const auto watcher = std::make_shared<Counting>();
  SwapGate gate;
  Room one(watcher), two(watcher);
  gate.activate("f", one);
  Pass inside = gate.enter("f");
  CHECK(inside.gate() == &one);
  gate.activate("f", two);
  CHECK(gate.enter("f").gate() == &two);
  CHECK(!one.enter());
  CHECK(!one.shut_and_empty());
  CHECK(watcher->empties == 0);
  inside.leave();
  CHECK(one.shut_and_empty());
  CHECK(watcher->empties == 1);
  gate.deactivate("f");
  CHECK(!gate.enter("f"));
  CHECK(two.shut_and_empty());
  gate.activate("f", one);  // an older one may come back
  CHECK(gate.enter("f").gate() == &one);
  gate.deactivate("f");
  CHECK(!gate.enter("f"));
}

TEST_CASE("functions have gates of their own") {
  const auto watcher = std::make_shared<Counting>();
  SwapGate gate;
  Room one(watcher), two(watcher);
  gate.activate("f", one);
  gate.activate("g", two);
  CHECK(gate.enter("f").gate() == &one);
  CHECK(gate.enter("g").gate() == &two);
  gate.deactivate_all();
  CHECK(!gate.enter("f"));
  CHECK(!gate.enter("g"));
}

TEST_CASE("while gates are swapped in a loop, every call gets in, and none is inside one that was empty") {
  const auto watcher = std::make_shared<Counting>();
  SwapGate gate;
  auto now = std::make_unique<Room>(watcher);
  gate.activate("f", *now);
  std::atomic<bool> stop{false};
  std::atomic<long> missed{0}, entered{0}, too_late{0};
  std::vector<std::thread> callers;
  for (int t = 0; t < 4; ++t)
    callers.emplace_back([&] {
      long sum = 0;
      while (!stop) {
        Pass pass = gate.enter("f");
        if (!pass) {
          ++missed;
          continue;
        }
        auto& room = *static_cast<Room*>(pass.gate());
        if (room.ended) ++too_late;
        sum += room.plain;
        ++entered;
      }
      if (sum != 0) ++too_late;
    });
  for (int i = 0; i < 2000 || entered < 20000; ++i) {
    auto next = std::make_unique<Room>(watcher);
    gate.activate("f", *next);
    {
      std::unique_lock lock(watcher->mutex);
      watcher->changed.wait(lock, [&] { return now->shut_and_empty(); });
    }
    now->ended = true;
    now->plain = 1;
    gate.wait_for_readers();
    now = std::move(next);  // frees the old one
  }
  stop = true;
  for (auto& t : callers) t.join();
  CHECK(missed == 0);
  CHECK(too_late == 0);
  gate.deactivate_all();
}

TEST_CASE("to activate thousands of functions takes a time in proportion to their number") {
  const auto watcher = std::make_shared<Counting>();
  Room room(watcher);
  const auto cpu_time = [] {  // of this thread: what else runs here does not count
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
  };
  const auto time_of = [&](int functions) {
    auto best = std::chrono::nanoseconds::max();
    for (int round = 0; round < 15; ++round) {
      SwapGate gate;
      const auto before = cpu_time();
      for (int i = 0; i < functions; ++i) gate.activate("function-with-a-long-name-" + std::to_string(i), room);
      best = std::min(best, cpu_time() - before);
      for (int i = 0; i < functions; i += 97) CHECK(gate.enter("function-with-a-long-name-" + std::to_string(i)));
      CHECK(!gate.enter("function-with-a-long-name-" + std::to_string(functions)));
    }
    return best;
  };
  const auto few = time_of(256), many = time_of(4096);
  CHECK(many < 64 * few);  // 16 times as many; it was 256 times as long when each change copied them all
}
