// Answers that list much end early rather than grow over what a link carries: one that cannot be sent would never come.
#include "base/limits.h"
#include "tier/history.h"

#include <doctest/doctest.h>

using namespace pinnate;

TEST_CASE("a list of releases fits a message, however long their selectors and platforms are") {
  tier::History history;
  std::vector<RecordWrite> writes;
  for (std::uint64_t number = 1; number <= 1200; ++number) {
    wire::ReleaseFacts facts;
    facts.number = number;
    facts.name = facts.version = std::string(63, 'n');
    facts.selector = std::string(1024, 's');
    facts.platforms = std::string(16 * 64, 'p');
    facts.ended = "superseded by " + std::to_string(number + 1);
    history.add(facts, {}, &writes);
  }
  wire::Releases answer;
  answer.releases = history.list("", 1000);
  CHECK(wire::encode(answer).size() <= kMessageLimitBytes);
  REQUIRE(answer.releases.size() > 300);
  CHECK(answer.releases.front().number == 1200);
}
