// The loaders of an engine that comes back with what its folder holds.
#include "one_of_each.h"

#include <atomic>
#include <cstring>
#include <thread>

namespace {

struct DurableEngine {
  DurableEngine(World& world, const std::string& dir, const pinnate_loader* loader) : engine(world) {
    pinnate_engine_options options = PINNATE_ENGINE_OPTIONS_INIT;
    options.tier.id = "leaf-2";
    options.state_dir = dir.c_str();
    options.loaders = &loader;
    options.loader_count = loader ? 1 : 0;
    REQUIRE(pinnate_engine_open(&options, &engine.handle) == PINNATE_OK);
    REQUIRE(pinnate_engine_watch(engine, ServiceChanges::on_service, &changes, nullptr) == PINNATE_OK);
  }
  ServiceChanges changes;  // told until the engine has closed
  Engine engine;
};

// Greetings that cannot live twice in a process.
std::atomic<bool> one_lives{false};
pinnate_loader lone() {
  pinnate_loader loader = greeting::loader();
  loader.kind = "lone";
  loader.create = [](void* module, const pinnate_host* host, const void* config, size_t config_bytes, void** service,
                     char* error, size_t error_bytes) {
    if (!one_lives.exchange(true))
      return greeting::create(module, host, config, config_bytes, service, error, error_bytes);
    std::strncpy(error, "another one lives", error_bytes);
    return 1;
  };
  loader.destroy = [](void* module, void* service) {
    greeting::destroy(module, service);
    one_lives = false;
  };
  return loader;
}

}  // namespace

TEST_CASE("a release waits for the loader that its engine does not have, and is live once that is added") {
  World world(false);
  Fleet fleet(world);
  fleet.serve("1.0.0", "hello ");
  const std::string dir = fleet.folder.path + "/leaf-2";
  {
    const pinnate_loader loader = greeting::loader();
    DurableEngine first(world, dir, &loader);
    REQUIRE(pinnate_engine_dial_upstream(first.engine, fleet.at("g").c_str(), nullptr) == PINNATE_OK);
    REQUIRE(world.until([&] { return first.changes.told("greet 1.0.0 live serving"); }));
  }
  DurableEngine second(world, dir, nullptr);
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

TEST_CASE_TEMPLATE("the old service goes first where two cannot live in a process, and no call fails meanwhile", ByFlag,
                   std::true_type, std::false_type) {
  constexpr bool by_flag = ByFlag::value;
  World world(false);
  Fleet fleet(world);
  pinnate_loader loader = lone();
  const auto publish = [&](const char* version, int stop_first) {
    pinnate_publish order = fleet.greet(version, version);
    order.loader = "lone";
    order.stop_first = stop_first;
    PublishedAnswer published;
    REQUIRE(pinnate_controller_publish(fleet.controller, &order, nullptr, PublishedAnswer::on_published, &published) ==
            PINNATE_OK);
    REQUIRE(world.until([&] { return published.came(); }));
    REQUIRE(published.status == PINNATE_OK);
  };
  if (by_flag) loader.flags |= PINNATE_ONE_AT_A_TIME;
  DurableEngine leaf(world, fleet.folder.path + "/leaf-2", &loader);
  REQUIRE(pinnate_engine_dial_upstream(leaf.engine, fleet.at("g").c_str(), nullptr) == PINNATE_OK);
  publish("1.0.0", 0);
  REQUIRE(world.until([&] { return leaf.changes.told("greet 1.0.0 live serving"); }));
  if (!by_flag) {
    publish("1.1.0", 0);
    REQUIRE(world.until([&] { return leaf.changes.told("greet 1.1.0 failed"); }));
  }
  std::atomic<bool> stop{false};
  std::atomic<int> failed{0};
  std::thread caller([&] {
    while (!stop) {
      char result[64];
      size_t size = 0;
      const pinnate_call call = fleet.call("");
      failed += pinnate_engine_call_into(leaf.engine, &call, result, sizeof result, &size, nullptr, 0) != PINNATE_OK;
    }
  });
  publish("1.2.0", !by_flag);
  CHECK(world.until([&] { return leaf.changes.told("greet 1.2.0 live serving"); }));
  publish("1.3.0", !by_flag);
  CHECK(world.until([&] { return leaf.changes.told("greet 1.3.0 live serving"); }));
  stop = true;
  caller.join();
  CHECK(failed == 0);
}
