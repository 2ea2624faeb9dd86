// Closing an engine is bounded, wherever a module stands and does not move.
#include "one_of_each.h"

#include <cstring>

namespace {

// Hangs in the one function that the artifact names, at this door. What hangs outlives the engine
// and the test.
struct Stubborn {
  std::string where;
  const pinnate_host* host = nullptr;
  void pass(const char* here) const {
    if (where == here) greeting::door().wait();
  }
};

Stubborn* of(void* module) { return static_cast<Stubborn*>(module); }

pinnate_loader stubborn_loader() {
  pinnate_loader l{};
  l.size = sizeof l;
  l.kind = "greeting";  // as Fleet publishes
  l.load = [](void*, const pinnate_image* image, void** module, char*, size_t) {
    auto* made = new Stubborn{{static_cast<const char*>(image->data), image->size_bytes}};
    made->pass("load");
    *module = made;
    return 0;
  };
  l.create = [](void* module, const pinnate_host* host, const void*, size_t, void** service, char*, size_t) {
    of(module)->host = host;
    of(module)->pass("create");
    *service = module;
    return 0;
  };
  l.call = [](void* module, void*, pinnate_reply* reply, const void*, size_t) {
    of(module)->pass("call");
    of(module)->host->answer(reply, "", 0);
  };
  l.check_health = [](void* module, void*, char*, size_t) {
    of(module)->pass("check_health");
    return 0;
  };
  l.destroy = [](void* module, void*) { of(module)->pass("destroy"); };
  l.unload = [](void* module) {
    of(module)->pass("unload");
    delete of(module);
  };
  return l;
}

}  // namespace

TEST_CASE("an engine closes within its limit wherever a module hangs, and its callback tells") {
  for (const bool own_loop : {true, false})
    for (const char* where : {"load", "create", "check_health", "call", "destroy", "unload"}) {
      CAPTURE(own_loop);
      CAPTURE(where);
      const bool while_closing = std::strcmp(where, "destroy") == 0 || std::strcmp(where, "unload") == 0;
      const bool in_call = std::strcmp(where, "call") == 0;
      greeting::door().shut();
      World world(own_loop);
      TestFolder folder;
      Controller controller(world);
      REQUIRE(open(controller, folder.path + "/state") == PINNATE_OK);
      RollupAnswer watch;
      REQUIRE(pinnate_controller_watch(controller, RollupAnswer::on_rollup, &watch, nullptr) == PINNATE_OK);
      const std::string top = "unix:" + folder.path + "/c";
      REQUIRE(pinnate_controller_listen(controller, top.c_str(), nullptr, 0, nullptr) == PINNATE_OK);
      Engine engine(world);
      REQUIRE(open(engine, "leaf", 300) == PINNATE_OK);
      const pinnate_loader loader = stubborn_loader();
      REQUIRE(pinnate_engine_add_loader(engine, &loader) == PINNATE_OK);
      REQUIRE(pinnate_engine_dial_upstream(engine, top.c_str(), nullptr) == PINNATE_OK);

      const pinnate_artifact artifact{sizeof artifact, nullptr, nullptr, {where, std::strlen(where)}};
      const pinnate_artifact* const artifacts = &artifact;
      pinnate_publish publish = PINNATE_PUBLISH_INIT;
      publish.name = "greet";
      publish.version = "1";
      publish.loader = "greeting";
      publish.artifacts = &artifacts;
      publish.artifact_count = 1;
      PublishedAnswer published;
      REQUIRE(pinnate_controller_publish(controller, &publish, nullptr, PublishedAnswer::on_published, &published) ==
              PINNATE_OK);
      ResultAnswer result;
      if (in_call || while_closing) REQUIRE(world.until([&] { return watch.row("greet", "1").live == 1; }));
      if (in_call) {
        pinnate_call call = PINNATE_CALL_INIT;
        call.name = "greet";
        REQUIRE(pinnate_engine_call(engine, &call, ResultAnswer::on_result, &result) == PINNATE_OK);
      }
      if (!while_closing) REQUIRE(world.until([] { return greeting::door().entered(); }));
      const auto begun = std::chrono::steady_clock::now();
      engine.close();
      CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(3));
      if (in_call) {
        CHECK(result.times == 1);
        CHECK(result.status == PINNATE_CLOSED);
      }
      greeting::door().open();
      controller.close();
      CHECK(watch.last_status() == PINNATE_CLOSED);
    }
}
