// What tiers below say and cannot be true: it is not counted, and a notice names it until they say
// otherwise.
#include "below.h"

using namespace pinnate;
using wire::Phase;

namespace {

// A gateway with two current releases, and an engine at its position.
struct Held : Below {
  Held() {
    decide(1, "gone");
    decide(1, "f", {1});
    decide(1, "g");
    engine = join("e");
    site = join("s", wire::Role::gateway);
  }
  // Whether a notice names it; ends when the next status is clean.
  bool named(wire::EngineStatus status) {
    CHECK(directory.take(engine, status).ok());
    const bool told = TestFleet::says(report().notices, "engine 'e': what it says of release");
    said = report();
    CHECK(directory.take(engine, {state.position(), {{2, "f", "1", Phase::live, true, ""}}, ""}).ok());
    CHECK(report().notices.empty());
    CHECK(row(2).phases.at(std::size_t(Phase::live)) == 1);
    return told;
  }
  bool named(std::vector<wire::ServiceRow> rows) { return named({state.position(), std::move(rows), ""}); }
  std::uint64_t serving(const std::string& name) const {
    std::uint64_t n = 0;
    for (const auto& row : said.rows)
      if (row.name == name) n += row.serving;
    return n;
  }
  tier::Session engine, site;
  wire::StatusReport said;
};

}  // namespace

TEST_CASE("an engine cannot put releases into status that are none") {
  Held h;
  CHECK(h.named({{0, "f", "1", Phase::live, true, ""}}));
  CHECK(h.said.rows.size() == 2);
  CHECK(h.named({{2, "f", "1", Phase::offline, true, ""}}));
  CHECK(h.serving("f") == 0);
  CHECK(h.named({{1ull << 60, "made-up", "1", Phase::live, true, ""}}));
  CHECK(h.serving("made-up") == 0);
  CHECK(h.named({{2, "f", "1", Phase::live, true, ""}, {1, "f", "0", Phase::not_selected, true, ""}}));
  CHECK(h.serving("f") == 1);
  CHECK(h.named({{2, "f", "1", Phase::live, true, ""}, {2, "f", "1", Phase::failed, false, "no"}}));
  CHECK(h.named({{3, "made-up", "1", Phase::live, false, ""}}));
  CHECK(h.said.rows.size() == 2);
  // It is at our position, where release 1 is not current.
  CHECK(h.named({{1, "gone", "1", Phase::failed, false, "no"}}));
  // What such a row serves may be so: a restored controller gave the number again.
  CHECK(h.named({{3, "lost", "1", Phase::live, true, ""}}));
  CHECK(h.serving("lost") == 1);
  CHECK(h.said.rows[0].phases.at(std::size_t(Phase::live)) == 0);
}

TEST_CASE("what an engine can know and this tier cannot is not held against it") {
  Held h;
  CHECK_FALSE(h.named({{2, "f", "1", Phase::fetching, false, ""}, {1, "f", "0", Phase::not_selected, true, ""}}));
  CHECK(h.serving("f") == 1);
  wire::Position at = h.state.position();
  at.revision = 2;  // release 1 may have been current there
  CHECK_FALSE(h.named({at, {{1, "gone", "1", Phase::live, true, ""}}, ""}));
  CHECK_FALSE(h.named({at, {{3, "g", "1", Phase::failed, false, "its disk is full"}}, ""}));
  at.revision = 9;
  CHECK_FALSE(h.named({at, {{8, "newer", "1", Phase::live, true, ""}}, ""}));
  at.epoch = 2;
  CHECK_FALSE(h.named({at, {{3, "of-another-epoch", "1", Phase::live, true, ""}}, ""}));
}

TEST_CASE("an engine that was ahead is looked at again when its desired state is here") {
  Held h;
  wire::Position ahead = h.state.position();
  ahead.revision = 4;
  CHECK(h.directory.take(h.engine, {ahead, {{4, "made-up", "1", Phase::failed, false, "no"}}, ""}).ok());
  CHECK(h.report().notices.empty());
  h.decide(1, "h");
  CHECK(TestFleet::says(h.report().notices, "what it says of release 4 ('made-up' 1)"));
  CHECK(h.row(4).phases.at(std::size_t(Phase::failed)) == 0);
}

TEST_CASE("a gateway cannot count engines for a release under another name, nor more than there can be") {
  Held h;
  wire::Rollup rollup;
  rollup.position = h.state.position();
  rollup.online = 3;
  rollup.evaluated = {{3, 3}};
  rollup.rows = {{3, "made-up", "1", 0, 0, 3, 0, 0, 3, 0, 0, {}}, {0, "none", "1", 0, 0, 0, 0, 0, 0, 3, 0, {}}};
  CHECK(h.directory.take(h.site, rollup).ok());
  CHECK(TestFleet::says(h.report().notices, "gateway 's': what it says of release 0"));
  CHECK(h.report().rows.size() == 2);
  CHECK(h.row(3).phases.at(std::size_t(Phase::not_selected)) == 3);
  rollup.rows = {{3, "g", "1", 0, 0, 3, 0, 0, 3, 3, 0, {}}};
  CHECK(h.directory.take(h.site, rollup).ok());
  CHECK(h.report().notices.empty());
  CHECK(h.row(3).phases.at(std::size_t(Phase::live)) == 3);
  rollup.online = 1ull << 63;
  CHECK(h.directory.take(h.site, rollup).code() == PINNATE_INVALID);
  rollup.online = 3;
  rollup.rows[0].serving = ~0ull;
  CHECK(h.directory.take(h.site, rollup).code() == PINNATE_INVALID);
  rollup.rows.clear();
  rollup.evaluated.assign(5000, {1, 1});
  CHECK(h.directory.take(h.site, rollup).code() == PINNATE_TOO_LARGE);
}
