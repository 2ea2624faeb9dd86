// Calls that run on the thread of their link, seen by a host.
#include "one_of_each.h"

#include <unistd.h>

TEST_CASE("calls of an inline service come over links, also late ones, and one that is too slow is the last") {
  World world(false);
  Fleet fleet(world, 0, PINNATE_CALLS_MAY_OVERLAP | PINNATE_CALLS_INLINE);
  fleet.serve("1", "hello ");
  const auto ask = [&](const char* payload, ResultAnswer* answer) {
    const pinnate_call call = fleet.call(payload);
    REQUIRE(pinnate_controller_call(fleet.controller, &call, ResultAnswer::on_result, answer) == PINNATE_OK);
  };
  ResultAnswer you, fail, later;
  ask("you", &you);
  ask("fail", &fail);
  ask("later", &later);
  REQUIRE(world.until([&] { return you.came() && fail.came() && greeting::later().kept(); }));
  CHECK(you.result == "hello !you");
  CHECK(fail.status == PINNATE_FAILED);
  greeting::later().answer();
  REQUIRE(world.until([&] { return later.came(); }));
  CHECK(later.result == "at last");

  ResultAnswer slow, slow_again, beside;
  greeting::door().shut();
  ask("wait", &slow);
  REQUIRE(world.until([&] { return greeting::door().entered(); }));
  usleep(10000);  // time itself is under test: longer than what is allowed
  greeting::door().open();
  REQUIRE(world.until([&] { return slow.came(); }));
  CHECK(slow.result == "hello !wait");
  TiersAnswer tiers;
  REQUIRE(world.until([&] {
    TiersAnswer now;
    REQUIRE(pinnate_engine_services(fleet.engine, TiersAnswer::on_rows, &now) == PINNATE_OK);
    REQUIRE(world.until([&] { return now.came(); }));
    tiers.tiers = now.tiers;
    return !tiers.tiers.empty() && !tiers.tiers[0].notice.empty();
  }));
  CHECK(tiers.tiers[0].notice.find("on the thread of its link") != std::string::npos);

  greeting::door().shut();
  ask("wait", &slow_again);
  REQUIRE(world.until([&] { return greeting::door().entered(); }));
  ask("you", &beside);  // the link goes on meanwhile
  REQUIRE(world.until([&] { return beside.came(); }));
  greeting::door().open();
  REQUIRE(world.until([&] { return slow_again.came(); }));
}
