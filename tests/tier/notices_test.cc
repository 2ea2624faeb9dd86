// What a tier wants people to know of it.
#include "tier/notices.h"

#include <doctest/doctest.h>

using namespace pinnate;
using namespace pinnate::tier;

namespace {

struct Told {
  Told() { core.set_now(now); }
  void wait(std::int64_t ms) {
    now.monotonic_ms += ms;
    core.set_now(now);
    core.ring_alarms();
  }
  std::vector<Action> actions;
  Now now{1000, 0};
  Core core{TierOptions{}, &actions};
  int changes = 0;
  Notices notices{&core, [this] { ++changes; }};
};

}  // namespace

TEST_CASE("the most important notice is told first, with how many others there are") {
  Told told;
  Notices& notices = told.notices;
  CHECK(notices.first() == "");
  notices.say("corrupt/gateway 'g'", "a chunk was corrupt");
  CHECK(notices.first() == "a chunk was corrupt");
  notices.say("drain/f/1", "calls go on");
  notices.say("something new", "nobody knows how much it matters");
  notices.say("disk", "the disk is full");
  CHECK(notices.first() == "the disk is full (and 3 more)");
  CHECK(notices.all() == std::vector<std::string>{"the disk is full", "calls go on", "a chunk was corrupt",
                                                  "nobody knows how much it matters"});
  notices.say("disk", "");
  CHECK(notices.first() == "calls go on (and 2 more)");
  const std::string others = " (and 3 more)";
  notices.say("wedged", std::string(2 * kReasonBytes, 'w'));
  CHECK(notices.first().size() == kReasonBytes);
  CHECK(notices.first().ends_with("..." + others));
}

TEST_CASE("only what is new is told and logged") {
  Told told;
  told.notices.say("disk", "the disk is full");
  told.notices.say("disk", "the disk is full");
  CHECK(told.changes == 1);
  CHECK(told.actions.size() == 1);
  told.notices.say("disk", "");
  told.notices.say("disk", "");
  CHECK(told.changes == 2);
  CHECK(told.actions.size() == 1);
}

TEST_CASE("a notice that stands for a time ends that long after it was said last") {
  Told told;
  told.notices.say("corrupt/p", "once", 1000);
  told.wait(900);
  told.notices.say("corrupt/p", "twice", 1000);
  told.wait(900);
  CHECK(told.notices.first() == "twice");
  told.wait(200);
  CHECK(told.notices.first() == "");
  CHECK(told.changes == 3);
}

TEST_CASE("of more notices than there is room for, the least important give way, the oldest of them first") {
  Told told;
  for (int i = 10; i < 50; ++i) told.notices.say("drain/f" + std::to_string(i), "drain " + std::to_string(i));
  told.notices.say("disk", "the disk is full");
  const auto all = told.notices.all();
  CHECK(all.size() == 32);
  CHECK(all.front() == "the disk is full");
  CHECK(all[1] == "drain 19");
  CHECK(all.back() == "drain 49");
}
