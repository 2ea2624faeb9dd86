// Answers that list much end early rather than grow over what a link carries: one that cannot be
// sent would never come.
#include "base/limits.h"
#include "tier/engine.h"
#include "tier/history.h"

#include <doctest/doctest.h>

using namespace pinnate;

TEST_CASE("a list of releases fits a message, however long their selectors and platforms are") {
  tier::History history;
  for (std::uint64_t number = 1; number <= 1200; ++number) {
    wire::ReleaseFacts facts;
    facts.number = number;
    facts.name = facts.version = std::string(63, 'n');
    facts.selector = std::string(1024, 's');
    facts.platforms = std::string(16 * 64, 'p');
    facts.ended = "superseded by " + std::to_string(number + 1);
    tier::History::Difference one;
    one.added.push_back({facts, {}});
    history.apply(one);
  }
  wire::Releases answer;
  answer.releases = history.list("", 1000);
  CHECK(wire::encode(answer).size() <= kMessageLimitBytes);
  REQUIRE(answer.releases.size() > 300);
  CHECK(answer.releases.front().number == 1200);
}

TEST_CASE("what an engine tells of thousands of functions that fail at length fits a message") {
  for (const std::size_t functions : {3500, 4096}) {
    CAPTURE(functions);
    wire::EngineStatus status;
    for (std::size_t i = 0; i < 2 * functions; ++i) {
      wire::ServiceRow row;
      row.release = i;
      row.name = std::string(functions == 4096 ? 63 : 20, 'n');
      row.version = std::string(functions == 4096 ? 63 : 10, 'v');
      row.phase = i % 2 ? wire::Phase::failed : wire::Phase::live;
      if (i % 2) row.reason = std::string(500, 'w');
      status.rows.push_back(std::move(row));
    }
    CHECK(wire::encode(status).size() > kMessageLimitBytes);
    tier::fit_message(&status);
    CHECK(wire::encode(status).size() <= kMessageLimitBytes);
    CHECK(status.rows.size() == 2 * functions);
    CHECK(status.rows[1].reason.substr(0, 10) == "wwwwwwwwww");
  }
  wire::EngineStatus usual;
  usual.rows.push_back({1, "f", "1", wire::Phase::failed, false, std::string(500, 'w')});
  tier::fit_message(&usual);
  CHECK(usual.rows[0].reason.size() == 500);
}
