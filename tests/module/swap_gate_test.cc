// The gate alone, with real threads and as many swaps as it takes.
#include "module/swap_gate.h"

#include <doctest/doctest.h>

#include <condition_variable>
#include <thread>

using namespace pinnate::module;

namespace {

struct CountingBell : Bell {
  void ring() override {
    const std::lock_guard lock(mutex);
    ++rings;
    changed.notify_all();
  }
  std::mutex mutex;
  std::condition_variable changed;
  int rings = 0;
};

// Notices calls after its end.
struct Room : Doorway {
  using Doorway::Doorway;
  std::atomic<bool> ended{false};
  int plain = 0;  // written by whoever ends it: TSan sees a caller that is still inside
};

}  // namespace

TEST_CASE("a doorway that was never activated lets nobody in") {
  SwapGate gate;
  Room room(std::make_shared<CountingBell>());
  CHECK(!room.enter());
  CHECK(!gate.enter("f"));
  CHECK(room.shut_and_empty());
}

TEST_CASE("from activation on, calls enter the new doorway and the old one only empties") {
  const auto bell = std::make_shared<CountingBell>();
  SwapGate gate;
  Room one(bell), two(bell);
  gate.activate("f", one);
  Pass inside = gate.enter("f");
  CHECK(inside.doorway() == &one);
  gate.activate("f", two);
  CHECK(gate.enter("f").doorway() == &two);
  CHECK(!one.enter());
  CHECK(!one.shut_and_empty());
  CHECK(bell->rings == 0);
  inside.leave();
  CHECK(one.shut_and_empty());
  CHECK(bell->rings == 1);
  gate.deactivate("f");
  CHECK(!gate.enter("f"));
  CHECK(two.shut_and_empty());
  gate.activate("f", one);  // an older one may come back
  CHECK(gate.enter("f").doorway() == &one);
  gate.deactivate(one);
  CHECK(!gate.enter("f"));
}

TEST_CASE("functions have doorways of their own") {
  const auto bell = std::make_shared<CountingBell>();
  SwapGate gate;
  Room one(bell), two(bell);
  gate.activate("f", one);
  gate.activate("g", two);
  CHECK(gate.enter("f").doorway() == &one);
  CHECK(gate.enter("g").doorway() == &two);
  gate.deactivate_all();
  CHECK(!gate.enter("f"));
  CHECK(!gate.enter("g"));
}

TEST_CASE("while doorways are swapped in a loop, every call gets in, and none is inside one that was empty") {
  const auto bell = std::make_shared<CountingBell>();
  SwapGate gate;
  auto now = std::make_unique<Room>(bell);
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
        auto& room = *static_cast<Room*>(pass.doorway());
        if (room.ended) ++too_late;
        sum += room.plain;
        ++entered;
      }
      if (sum != 0) ++too_late;
    });
  for (int i = 0; i < 2000 || entered < 20000; ++i) {
    auto next = std::make_unique<Room>(bell);
    gate.activate("f", *next);
    {
      std::unique_lock lock(bell->mutex);
      bell->changed.wait(lock, [&] { return now->shut_and_empty(); });
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
