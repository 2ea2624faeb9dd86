// A controller, a gateway and an engine in one process, linked over unix: addresses; the engine
// loads greetings.
#pragma once

#include "answers.h"
#include "greeting.h"
#include "world.h"

#include "folder.h"

#include <cstring>
#include <string>

struct Fleet {
  explicit Fleet(World& w, std::uint32_t close_limit_ms = 0, std::uint32_t flags = 0)
      : world(w), controller(w), gateway(w), engine(w) {
    pinnate_loader loader = greeting::loader();
    loader.flags = flags;
    REQUIRE(open(controller, folder.path + "/state") == PINNATE_OK);
    REQUIRE(open(gateway) == PINNATE_OK);
    REQUIRE(open(engine, "leaf-1", close_limit_ms) == PINNATE_OK);
    REQUIRE(pinnate_engine_add_loader(engine, &loader) == PINNATE_OK);
    REQUIRE(pinnate_controller_listen(controller, at("c").c_str(), nullptr, 0, nullptr) == PINNATE_OK);
    REQUIRE(pinnate_gateway_listen(gateway, at("g").c_str(), nullptr, 0, nullptr) == PINNATE_OK);
    REQUIRE(pinnate_gateway_dial_upstream(gateway, at("c").c_str(), nullptr) == PINNATE_OK);
    REQUIRE(pinnate_engine_dial_upstream(engine, at("g").c_str(), nullptr) == PINNATE_OK);
    REQUIRE(pinnate_controller_watch(controller, RollupAnswer::on_rollup, &watch, nullptr) == PINNATE_OK);
    REQUIRE(world.until([&] { return watch.online_engines() == 1; }));
  }
  ~Fleet() {
    engine.close();
    gateway.close();
    controller.close();
    CHECK(watch.last_status() == PINNATE_CLOSED);
  }

  std::string at(const char* name) const { return "unix:" + folder.path + "/" + name; }
  // The publish of a greeting from memory.
  pinnate_publish greet(const char* version, const char* word) {
    artifact.bytes = {word, std::strlen(word)};
    pinnate_publish publish = PINNATE_PUBLISH_INIT;
    publish.name = "greet";
    publish.version = version;
    publish.loader = "greeting";
    publish.artifacts = &artifacts;
    publish.artifact_count = 1;
    publish.config = {"!", 1};
    return publish;
  }
  void serve(const char* version, const char* word) {
    PublishedAnswer published;
    const pinnate_publish publish = greet(version, word);
    REQUIRE(pinnate_controller_publish(controller, &publish, nullptr, PublishedAnswer::on_published, &published) ==
            PINNATE_OK);
    REQUIRE(world.until([&] { return published.came(); }));
    REQUIRE(live(version));
  }
  pinnate_call call(const char* payload) {
    pinnate_call c = PINNATE_CALL_INIT;
    c.name = "greet";
    c.payload = {payload, std::strlen(payload)};
    return c;
  }
  bool live(const char* version) {
    return world.until(
        [&] { return watch.row("greet", version).live == 1 && watch.row("greet", version).serving == 1; });
  }

  World& world;
  TestFolder folder;
  Controller controller;
  Gateway gateway;
  Engine engine;
  RollupAnswer watch;
  pinnate_artifact artifact = PINNATE_ARTIFACT_INIT;
  const pinnate_artifact* artifacts = &artifact;
};
