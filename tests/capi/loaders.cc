// The loaders of an engine that comes back with what its folder holds.
#include "one_of_each.h"

namespace {

struct DurableEngine {
  DurableEngine(World& world, const std::string& dir, bool with_loader) : engine(world) {
    const pinnate_loader loader = greeting::loader();
    const pinnate_loader* const loaders[] = {&loader};
    pinnate_engine_options options = PINNATE_ENGINE_OPTIONS_INIT;
    options.tier.id = "leaf-2";
    options.state_dir = dir.c_str();
    options.loaders = loaders;
    options.loader_count = with_loader ? 1 : 0;
    REQUIRE(pinnate_engine_open(&options, &engine.handle) == PINNATE_OK);
    REQUIRE(pinnate_engine_watch(engine, ServiceChanges::on_service, &changes, nullptr) == PINNATE_OK);
  }
  ServiceChanges changes;  // told until the engine has closed
  Engine engine;
};

}  // namespace

TEST_CASE("a release waits for the loader that its engine does not have, and is live once that is added") {
  World world(false);
  Fleet fleet(world);
  fleet.serve("1.0.0", "hello ");
  const std::string dir = fleet.folder.path + "/leaf-2";
  {
    DurableEngine first(world, dir, true);
    REQUIRE(pinnate_engine_dial_upstream(first.engine, fleet.at("g").c_str(), nullptr) == PINNATE_OK);
    REQUIRE(world.until([&] { return first.changes.told("greet 1.0.0 live serving"); }));
  }
  DurableEngine second(world, dir, false);
  REQUIRE(world.until([&] { return second.changes.told("greet 1.0.0 incompatible"); }));
  const pinnate_call call = fleet.call("world");
  char result[64];
  size_t size = 0;
  CHECK(pinnate_engine_call_into(second.engine, &call, result, sizeof result, &size, nullptr, 0) == PINNATE_NOT_FOUND);
  const pinnate_loader loader = greeting::loader();
  REQUIRE(pinnate_engine_add_loader(second.engine, &loader) == PINNATE_OK);
  CHECK(world.until([&] { return second.changes.told("greet 1.0.0 live serving"); }));
  CHECK(pinnate_engine_call_into(second.engine, &call, result, sizeof result, &size, nullptr, 0) == PINNATE_OK);
}
