// A host's loop with nodes on it, for one test.
#pragma once

#include <doctest/doctest.h>

#include "runtime/node.h"
#include "runtime/reactor.h"
#include "scripted_tier.h"

#include <uv.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

struct World {
  World() {
    uv_loop_init(&loop);
    uv_timer_init(&loop, &tick);
    uv_timer_start(
        &tick, [](uv_timer_t*) {}, 5, 5);
    uv_unref(reinterpret_cast<uv_handle_t*>(&tick));
  }
  ~World() {
    uv_close(reinterpret_cast<uv_handle_t*>(&tick), nullptr);
    uv_run(&loop, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&loop) == 0);
  }
  World(const World&) = delete;

  // Runs the loop until `done` or for five seconds at most; says whether it is done.
  bool run_until(const std::function<bool()>& done, std::uint64_t limit_ms = 5000) {
    const std::uint64_t end = uv_hrtime() + limit_ms * 1000000;
    while (!done()) {
      if (uv_hrtime() >= end) return false;
      uv_run(&loop, UV_RUN_ONCE);
    }
    return true;
  }
  void run_for(std::uint64_t ms) {
    run_until([] { return false; }, ms);
  }

  uv_loop_t loop;
  uv_timer_t tick;
};

struct TestNode {
  using Parts = pinnate::runtime::NodeParts;

  explicit TestNode(World& w, const std::function<void(Parts&)>& configure = {}) : world(w) {
    Parts parts;
    parts.reactor = pinnate::runtime::Reactor::attach(&world.loop);
    parts.tier = std::make_unique<ScriptedTier>(diary);
    parts.store = pinnate::store::make_memory_store();
    parts.on_host_message = [this](pinnate::Buffer message) { to_host.push_back(message.str()); };
    if (configure) configure(parts);
    REQUIRE(pinnate::runtime::Node::restore(&parts).ok());
    node = pinnate::runtime::Node::open(std::move(parts));
  }
  ~TestNode() {
    if (!node) return;
    begin_close();
    CHECK(world.run_until([this] { return closed == 1; }, 10000));
    node.reset();
    CHECK_FALSE(diary.reentered);
  }
  void begin_close() {
    if (!closing) node->close([this] { closed++; });
    closing = true;
  }
  std::string listen(const std::string& address) {
    auto bound = node->listen(address);
    REQUIRE_MESSAGE(bound.ok(), bound.status().message());
    return *bound;
  }
  // Has the tier act now.
  void act(const std::function<void(ScriptedTier&)>& what) {
    diary.on_message = [what](ScriptedTier& tier, ScriptedTier::LinkId link, const pinnate::Buffer&) {
      if (link == pinnate::tier::kHostLink) what(tier);
    };
    node->host_message(pinnate::Buffer(std::string("act")));
    diary.on_message = nullptr;
  }

  World& world;
  ScriptedTier::Diary diary;
  std::vector<std::string> to_host;
  std::unique_ptr<pinnate::runtime::Node> node;
  bool closing = false;
  int closed = 0;
};
