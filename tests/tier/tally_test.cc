// Status folded: what is told of a fleet, held against a plain count of it.
#include "below.h"

using namespace pinnate;
using wire::Phase;

namespace {

using Counts = std::vector<std::uint64_t>;

// An engine as the test knows it.
struct Known {
  bool online = false;
  wire::EngineStatus status;
};

Counts phases_of(const tier::DesiredState& state, std::uint64_t release, const std::map<std::string, Known>& engines) {
  Counts counts(wire::kPhases, 0);
  for (const auto& [id, engine] : engines) {
    Phase phase = Phase::pending;
    const wire::Position& at = engine.status.position;
    if (at.epoch == state.position().epoch && at.revision >= release) phase = Phase::not_selected;
    for (const auto& row : engine.status.rows)
      if (row.release == release) phase = row.phase;
    ++counts[std::size_t(engine.online ? phase : Phase::offline)];
  }
  return counts;
}

// The upper tier gets what the lower one tells it.
void tell(Below& lower, Below& upper, const tier::Session& link, bool whole = false) {
  for (const wire::Rollup& rollup : lower.directory.take_rollup(whole, {}))
    CHECK(upper.directory.take(link, rollup).ok());
}

}  // namespace

TEST_CASE("status says of every release how many engines do not select it, and keeps rows of those alone that do") {
  Below g;
  for (const char* name : {"a", "b", "c"}) g.decide(1, name);
  const auto now = g.join("now"), behind = g.join("behind"), silent = g.join("silent");
  wire::EngineStatus status;
  status.position = g.state.position();
  status.rows = {{2, "b", "1", Phase::live, true, ""}};
  CHECK(g.directory.take(now, status).ok());
  status.position.revision = 1;
  status.rows.clear();
  CHECK(g.directory.take(behind, status).ok());
  CHECK(g.row(1).phases == Counts{1, 0, 0, 0, 0, 0, 2, 0});
  CHECK(g.row(2).phases == Counts{2, 0, 0, 1, 0, 0, 0, 0});
  CHECK(g.row(3).phases == Counts{2, 0, 0, 0, 0, 0, 1, 0});
  CHECK(g.directory.tally().rows().size() == 1);
  CHECK(g.report("b").rows.size() == 1);
}

TEST_CASE("who is in another epoch is pending for all, until this tier is there too") {
  for (const bool below_a_gateway : {false, true}) {
    CAPTURE(below_a_gateway);
    Below g;
    g.decide(1, "a");
    g.decide(1, "b");
    wire::Position ahead{2, 3, {}};
    if (below_a_gateway) {
      wire::Rollup rollup;
      rollup.position = ahead;
      rollup.online = 1;
      rollup.evaluated = {{3, 1}};
      wire::ReleaseRow row{1, "a", "1", 0, 0, 1, 0, 0, 1, 1, 0, {}};
      rollup.rows = {row};
      CHECK(g.directory.take(g.join("s", wire::Role::gateway), rollup).ok());
    } else {
      wire::EngineStatus status{ahead, {{1, "a", "1", Phase::live, true, ""}}, ""};
      CHECK(g.directory.take(g.join("e"), status).ok());
    }
    CHECK(g.row(1).phases == Counts{0, 0, 0, 1, 0, 0, 0, 0});
    CHECK(g.row(2).phases == Counts{1, 0, 0, 0, 0, 0, 0, 0});
    g.decide(2, "c");
    CHECK(g.row(1).phases == Counts{0, 0, 0, 1, 0, 0, 0, 0});
    CHECK(g.row(2).phases == Counts{0, 0, 0, 0, 0, 0, 1, 0});
    CHECK(g.row(3).phases == Counts{0, 0, 0, 0, 0, 0, 1, 0});
  }
}

TEST_CASE("a failure of what an engine may not act on yet counts, and takes nobody from those that do not select it") {
  Below g;
  for (const char* name : {"a", "b"}) g.decide(1, name);
  wire::EngineStatus status{g.state.position(), {}, ""};
  CHECK(g.directory.take(g.join("e"), status).ok());
  status.position.revision = 1;
  status.rows = {{2, "b", "1", Phase::failed, false, "the disk is full"}};
  CHECK(g.directory.take(g.join("full"), status).ok());
  CHECK(g.row(2).phases == Counts{0, 0, 0, 0, 1, 0, 1, 0});
  REQUIRE(g.row(2).failures.size() == 1);
  CHECK(g.row(2).failures[0].reason == "the disk is full");
  CHECK(g.report().notices.empty());
}

TEST_CASE("whatever engines do and say, each tier above tells exactly what a count of them gives") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    Below g, top;
    const tier::Session up = top.join("g", wire::Role::gateway);
    std::map<std::string, Known> engines;
    std::map<std::string, tier::Session> sessions;
    bool told = false;
    const auto decide = [&] {
      std::vector<std::uint64_t> withdrawn;
      if (!g.state.releases().empty() && random.below(2) == 0) withdrawn.push_back(g.state.releases().begin()->first);
      const std::string name = "f" + std::to_string(random.below(5));
      top.decide(1, name, withdrawn);
      g.decide(1, name, withdrawn);
    };
    for (int step = 0; step < 300; ++step) {
      const std::string id = "e" + std::to_string(random.below(12));
      Known& engine = engines[id];
      if (random.below(10) == 0) decide();
      if (!engine.online) {
        sessions[id] = g.join(id);
        engine = {true, {}};
      } else if (random.below(8) == 0) {
        g.directory.left(sessions[id], false);
        engine.online = false;
      } else {
        engine.status = {};
        engine.status.position = g.state.position();
        std::set<std::string> serving;
        for (const auto& [number, entry] : g.state.releases()) {
          if (random.below(3) != 0) continue;
          const auto phase = Phase(random.below(6));
          const bool serves = phase == Phase::live && serving.insert(entry->release.name).second;
          engine.status.rows.push_back({number, entry->release.name, "1", phase, serves, std::to_string(step)});
        }
        CHECK(g.directory.take(sessions[id], engine.status).ok());
      }
      if (random.below(3) != 0) continue;
      const bool again = random.below(20) == 0;
      if (again) top.directory.left(up, false), top.joined(up);
      tell(g, top, up, !std::exchange(told, true) || again);
      for (const auto& [number, entry] : g.state.releases()) {
        CAPTURE(number);
        const Counts truth = phases_of(g.state, number, engines);
        CHECK(g.row(number).phases == truth);
        CHECK(top.row(number).phases == truth);
        CHECK(top.row(number).serving == g.row(number).serving);
        CHECK(top.row(number).serving_offline == g.row(number).serving_offline);
        CHECK(top.row(number).failures.size() == g.row(number).failures.size());
      }
    }
    for (auto& [id, session] : sessions) g.directory.left(session, true);
    for (const auto& [id, engine] : engines) REQUIRE_FALSE((engine.online && g.directory.find(id)));
    tell(g, top, up);
    CHECK(top.directory.total().online == 0);
    for (const auto& [key, row] : top.directory.tally().rows()) CHECK_FALSE(row.counts[6] > 0);
  }
}

TEST_CASE("what was said before and is said again is not told upstream again") {
  Below g;
  g.decide(1, "a");
  const auto e = g.join("e");
  const wire::EngineStatus status{g.state.position(), {{1, "a", "1", Phase::failed, false, "no"}}, ""};
  CHECK(g.directory.take(e, status).ok());
  CHECK(g.directory.take_rollup(true, {}).at(0).rows.size() == 1);
  CHECK(g.directory.take(e, status).ok());
  g.directory.left(e, false);
  g.joined(e);
  CHECK(g.directory.take(e, status).ok());
  CHECK(g.directory.take_rollup(false, {}).at(0).rows.empty());
  g.state.decide(1, 2, {1}, {});
  g.directory.state_changed();
  const auto gone = g.directory.take_rollup(false, {}).at(0).rows;
  REQUIRE(gone.size() == 1);
  CHECK(tier::gone(gone[0]));
}

TEST_CASE(
    "of a number that was given again, the release that is current and the one still served have each their row") {
  Below g;
  for (const char* name : {"x", "y", "z", "new"}) g.decide(1, name);
  wire::EngineStatus status{g.state.position(), {}, ""};
  status.rows = {{4, "new", "1", Phase::failed, false, "said no"}, {4, "old", "1", Phase::not_selected, true, ""}};
  for (int order = 0; order < 2; ++order) {
    CHECK(g.directory.take(g.join("e"), status).ok());
    const wire::StatusReport report = g.report();
    REQUIRE(report.rows.size() == 5);
    CHECK(report.rows[0].name == "new");
    CHECK(report.rows[0].current);
    CHECK(report.rows[0].phases == Counts{0, 0, 0, 0, 1, 0, 0, 0});
    CHECK(report.rows[0].serving == 0);
    CHECK(report.rows[1].name == "old");
    CHECK_FALSE(report.rows[1].current);
    CHECK(report.rows[1].serving == 1);
    CHECK(report.notices.empty());
    CHECK(g.directory.serving("old").size() == 1);
    std::swap(status.rows[0], status.rows[1]);
  }
}
