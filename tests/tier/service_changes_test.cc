#include "tier/service_changes.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace pinnate;

namespace {

wire::ServiceRow row(std::uint64_t release, wire::Phase phase, bool serving, const std::string& reason = {}) {
  wire::ServiceRow made;
  made.name = "f";
  made.version = std::to_string(release) + ".0";
  made.release = release;
  made.phase = phase;
  made.serving = serving;
  made.reason = reason;
  return made;
}

wire::Tiers engine_with(const std::vector<wire::ServiceRow>& services) {
  wire::Tiers engine;
  engine.rows.emplace_back().services = services;
  return engine;
}

}  // namespace

TEST_CASE("a service is told when it comes, changes and goes, and not in between") {
  using wire::Phase;
  tier::ServiceChanges changes;
  auto told = changes.since(engine_with({row(1, Phase::loading, false)}));
  REQUIRE(told.size() == 1);
  CHECK(told[0].phase == Phase::loading);
  CHECK(changes.since(engine_with({row(1, Phase::loading, false)})).empty());
  CHECK(changes.since(engine_with({row(1, Phase::live, false)})).size() == 1);
  CHECK(changes.since(engine_with({row(1, Phase::live, true)})).size() == 1);
  CHECK(changes.since(engine_with({row(1, Phase::failed, true, "a")})).size() == 1);
  CHECK(changes.since(engine_with({row(1, Phase::failed, true, "b")})).size() == 1);

  told = changes.since(engine_with({row(2, Phase::live, true)}));
  REQUIRE(told.size() == 2);
  CHECK(told[0].release == 1);  // what is gone first
  CHECK(told[0].phase == Phase::not_selected);
  CHECK_FALSE(told[0].serving);
  CHECK(told[0].reason.empty());
  CHECK(told[1].release == 2);
  CHECK(told[1].serving);
  CHECK(changes.since(engine_with({row(2, Phase::live, true)})).empty());
}
