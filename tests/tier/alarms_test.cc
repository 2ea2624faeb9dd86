#include "tier/core.h"

#include "base/random.h"

#include <doctest/doctest.h>

#include <map>
#include <utility>
#include <vector>

using namespace pinnate;
using namespace pinnate::tier;

TEST_CASE("alarms ring when they are due, in order, and not when they were cancelled") {
  Random random(5);
  for (int round = 0; round < 200; ++round) {
    std::vector<Action> actions;
    Core core(TierOptions(), &actions);
    std::map<std::pair<std::int64_t, int>, Alarm> set;
    std::vector<std::pair<std::int64_t, int>> rung, expected;
    std::int64_t now_ms = 0;
    for (int i = 0; i < 300; ++i) {
      const std::int64_t at_ms = now_ms + static_cast<std::int64_t>(random.below(50));
      const std::pair key(at_ms, i);
      set.emplace(key, core.alarm_at(at_ms, [&rung, key] { rung.push_back(key); }));
      if (random.one_in(2)) set.erase(std::next(set.begin(), static_cast<std::ptrdiff_t>(random.below(set.size()))));
      CHECK(core.next_alarm_ms() == (set.empty() ? kNever : set.begin()->first.first));
      if (!random.one_in(4)) continue;
      now_ms += static_cast<std::int64_t>(random.below(20));
      core.set_now({now_ms, 0});
      core.ring_alarms();
      while (!set.empty() && set.begin()->first.first <= now_ms) {
        CHECK_FALSE(set.begin()->second.set());
        expected.push_back(set.begin()->first);
        set.erase(set.begin());
      }
    }
    CHECK(rung == expected);
  }
}

TEST_CASE("one that another cancels or sets, of those that are due, rings no more or later") {
  std::vector<Action> actions;
  Core core(TierOptions(), &actions);
  core.set_now({10, 0});
  int cancelled = 0, later = 0;
  Alarm first, second;
  first = core.alarm_at(5, [&] {
    second.cancel();
    core.soon([&] { ++later; });
  });
  second = core.alarm_at(6, [&] { ++cancelled; });
  core.ring_alarms();
  CHECK(cancelled == 0);
  CHECK(later == 0);
  CHECK(core.next_alarm_ms() == 10);
  core.ring_alarms();
  CHECK(later == 1);
  CHECK(core.next_alarm_ms() == kNever);
}

TEST_CASE("what an alarm holds goes with it, and may end others") {
  std::vector<Action> actions;
  Core core(TierOptions(), &actions);
  auto other = std::make_shared<Alarm>(core.alarm_at(7, [] {}));
  Alarm holds = core.alarm_at(5, [other = std::exchange(other, nullptr)] {});
  holds.cancel();
  CHECK(core.next_alarm_ms() == kNever);
}
