// Hosts that were compiled against an older or a newer header: structs that end earlier or later
// than this library's.
#include "greeting.h"
#include "testing_world.h"
#include "world.h"

#include "folder.h"

#include <pinnate/engine.h>

#include <cstddef>
#include <cstring>
#include <fstream>
#include <string>

namespace {

// A newer host's struct: it has a field more.
template <class Struct>
struct Later {
  explicit Later(const Struct& s) : known(s) { known.size = sizeof *this; }
  Struct known;
  std::uint64_t later = 0;
};

// An older host's: it ends at `size`, and no pointer behind it is one.
template <class Struct>
Struct cut_at(std::size_t size, Struct known) {
  known.size = size;
  std::memset(reinterpret_cast<char*>(&known) + size, 0x5a, sizeof known - size);
  return known;
}

pinnate_artifact artifact(const char* bytes) {
  pinnate_artifact made = PINNATE_ARTIFACT_INIT;
  made.bytes = {bytes, std::strlen(bytes)};
  return made;
}

// Two artifacts, of which the second is the one that is looked at.
struct Order {
  explicit Order(const pinnate_artifact& second) : artifacts{&any, &second} {
    any.platform = "any";
    publish.name = "greet";
    publish.version = "1";
    publish.artifacts = artifacts;
    publish.artifact_count = 2;
  }
  pinnate_artifact any = artifact("x");
  const pinnate_artifact* artifacts[2];
  pinnate_publish publish = PINNATE_PUBLISH_INIT;
};

const pinnate_label* const* given_labels;

pinnate_status open_with(const pinnate_label& second) {
  static const pinnate_label ring = label("ring", "canary");
  const pinnate_label* const labels[] = {&ring, &second};
  given_labels = labels;
  pinnate_testing_options options = PINNATE_TESTING_OPTIONS_INIT;
  options.describe = [](void*, pinnate_testing_tier* tier) {
    if (tier->role == PINNATE_ROLE_ENGINE) tier->labels = given_labels, tier->label_count = 2;
  };
  pinnate_testing_fleet* fleet = nullptr;
  const pinnate_status status = pinnate_testing_open(&options, &fleet);
  if (status != PINNATE_OK) return status;
  const pinnate_row* engine = nullptr;
  REQUIRE(pinnate_testing_wait_online(fleet, 10000) == PINNATE_OK);
  REQUIRE(pinnate_testing_engine(fleet, "s0.k0.e0", &engine) == PINNATE_OK);
  REQUIRE(engine->label_count == 2);
  CHECK(std::string(engine->labels[0]->key) == "region");
  CHECK(std::string(engine->labels[0]->value) == "eu");
  CHECK(engine->labels[0]->size == sizeof(pinnate_label));
  return pinnate_testing_close(fleet);
}

}  // namespace

TEST_CASE("labels may be those of a newer host, unless they set what this library does not know") {
  Later<pinnate_label> region(label("region", "eu"));
  CHECK(open_with(region.known) == PINNATE_OK);
  region.later = 1;
  CHECK(open_with(region.known) == PINNATE_INVALID);
  CHECK(says("labels[1] sets a field that this library"));
}

TEST_CASE("of an older host's label nothing is read but what it has") {
  CHECK(open_with(cut_at(offsetof(pinnate_label, value), label("region", "eu"))) == PINNATE_INVALID);
  CHECK(says("labels[1].value is NULL"));
  CHECK(open_with(cut_at(0, label("region", "eu"))) == PINNATE_INVALID);
  CHECK(says("labels[1].size is "));
}

TEST_CASE("artifacts may be those of a newer host, unless they set what this library does not know") {
  TestingFleet fleet(1, 1, 1);
  fleet.open();
  Later<pinnate_artifact> mine(artifact("y"));
  mine.known.platform = pinnate_platform();
  const Order order(mine.known);
  CHECK(pinnate_testing_publish(fleet, &order.publish, nullptr) == PINNATE_OK);
  mine.later = 1;
  CHECK(pinnate_testing_publish(fleet, &order.publish, nullptr) == PINNATE_INVALID);
  CHECK(says("publish.artifacts[1] sets a field that this library"));
}

TEST_CASE("of an older host's artifact nothing is read but what it has") {
  TestFolder folder;
  const std::string path = folder.path + "/m.so";
  std::ofstream(path) << "y";
  TestingFleet fleet(1, 1, 1);
  fleet.open();
  pinnate_artifact whole = PINNATE_ARTIFACT_INIT;
  whole.platform = pinnate_platform();
  whole.path = path.c_str();
  const pinnate_artifact cut = cut_at(offsetof(pinnate_artifact, bytes), whole);
  const Order order(cut);
  CHECK(pinnate_testing_publish(fleet, &order.publish, &fleet.published) == PINNATE_OK);
  CHECK(pinnate_testing_wait_live(fleet, fleet.published.release, 0, 10000) == PINNATE_OK);
}

TEST_CASE("loaders in an engine's options may be those of an older or a newer host") {
  pinnate_engine_options options = PINNATE_ENGINE_OPTIONS_INIT;
  Later<pinnate_loader> later(greeting::loader());
  const pinnate_loader cut = cut_at(offsetof(pinnate_loader, load), greeting::loader());
  const pinnate_loader* loaders[] = {&later.known, &cut};
  options.loaders = loaders;
  options.loader_count = 2;
  pinnate_engine* engine = nullptr;
  CHECK(pinnate_engine_open(&options, &engine) == PINNATE_INVALID);
  CHECK(says("load"));  // the second one's is not there
  options.loader_count = 1;
  later.later = 1;
  CHECK(pinnate_engine_open(&options, &engine) == PINNATE_INVALID);
  CHECK(says("options.loaders[0] sets a field that this library"));
  later.later = 0;
  REQUIRE(pinnate_engine_open(&options, &engine) == PINNATE_OK);
  CHECK(pinnate_engine_close_wait(engine) == PINNATE_OK);
  pinnate_engine_free(engine);
}

TEST_CASE("what came of a publish is filled as far as the host's struct goes, and its size says how far") {
  TestingFleet fleet(1, 1, 1);
  fleet.open();
  const pinnate_artifact one = artifact("y");
  pinnate_artifact mine = one;
  mine.platform = pinnate_platform();
  const Order order(mine);

  SUBCASE("an older host's") {
    pinnate_published cut = cut_at(offsetof(pinnate_published, created), pinnate_published PINNATE_PUBLISHED_INIT);
    REQUIRE(pinnate_testing_publish(fleet, &order.publish, &cut) == PINNATE_OK);
    CHECK(cut.size == offsetof(pinnate_published, created));
    CHECK(cut.release > 0);
    CHECK(cut.revision > 0);
    CHECK(cut.created == 0x5a5a5a5a);
  }
  SUBCASE("a newer host's") {
    Later<pinnate_published> later(PINNATE_PUBLISHED_INIT);
    later.later = 7;
    REQUIRE(pinnate_testing_publish(fleet, &order.publish, &later.known) == PINNATE_OK);
    CHECK(later.known.size == sizeof(pinnate_published));
    CHECK(later.known.created == 1);
    CHECK(later.later == 7);
  }
  SUBCASE("one whose size was never set, before anything is published") {
    pinnate_published unset{};
    CHECK(pinnate_testing_publish(fleet, &order.publish, &unset) == PINNATE_INVALID);
    CHECK(says("published.size is 0"));
    CHECK(pinnate_testing_unpublish(fleet, "greet", 0) == PINNATE_NOT_FOUND);
  }
}

TEST_CASE("all that is handed out begins with its size") {
  TestingFleet fleet(1, 1, 2);
  fleet.options.describe = [](void*, pinnate_testing_tier* tier) { CHECK(tier->size == sizeof *tier); };
  fleet.open();
  REQUIRE(fleet.inject("1", PINNATE_TESTING_LOAD, PINNATE_TESTING_FAILS, "s0.k0.e1") == PINNATE_OK);
  REQUIRE(fleet.publish("1", "y") == PINNATE_OK);
  REQUIRE(pinnate_testing_wait_live(fleet, fleet.published.release, 1, 10000) == PINNATE_OK);
  REQUIRE(pinnate_testing_advance(fleet, 2000) == PINNATE_OK);

  const pinnate_rollup* rollup = nullptr;
  REQUIRE(pinnate_testing_status(fleet, nullptr, nullptr, &rollup) == PINNATE_OK);
  CHECK(rollup->size == sizeof *rollup);
  REQUIRE(rollup->release_count == 1);
  const pinnate_release_status& release = *rollup->releases[0];
  CHECK(release.size == sizeof release);
  REQUIRE(release.phase_count >= PINNATE_PHASE_COUNT);
  CHECK(release.phases[PINNATE_PHASE_LIVE] == 1);
  CHECK(release.phases[PINNATE_PHASE_FAILED] == 1);
  REQUIRE(release.failure_count == 1);
  CHECK(release.failures[0]->size == sizeof(pinnate_failure));
  CHECK(std::string(release.failures[0]->engine) == "s0.k0.e1");

  const pinnate_row* engine = nullptr;
  REQUIRE(pinnate_testing_engine(fleet, "s0.k0.e1", &engine) == PINNATE_OK);
  CHECK(engine->size == sizeof *engine);
  REQUIRE(engine->service_count == 1);
  CHECK(engine->services[0]->size == sizeof(pinnate_service));
  CHECK(engine->services[0]->phase == PINNATE_PHASE_FAILED);

  const pinnate_testing_tier* const* tiers = nullptr;
  std::size_t count = 0;
  REQUIRE(pinnate_testing_tiers(fleet, &tiers, &count) == PINNATE_OK);
  for (std::size_t i = 0; i < count; i++) CHECK(tiers[i]->size == sizeof(pinnate_testing_tier));
}
