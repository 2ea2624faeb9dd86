// A simulated fleet for tests of the tiers, with what they ask again and again.
#pragma once

#include <doctest/doctest.h>

#include "noise.h"
#include "world/fleet_shape.h"
#include "world/test_world.h"

#include <numeric>
#include <string>
#include <vector>

namespace pinnate {

inline constexpr std::int64_t kMinute = 60000, kHour = 60 * kMinute, kDay = 24 * kHour;

inline sim::Module module(const std::string& name, const std::string& version, std::size_t size = 200000,
                          const std::string& platform = "any") {
  sim::Module m;
  m.name = name;
  m.version = version;
  m.artifacts = {{platform, noise_of(name + "@" + version, size)}};
  return m;
}

inline sim::WorldOptions seeded(std::uint64_t seed) {
  sim::WorldOptions options;
  options.seed = seed;
  return options;
}

struct TestFleet {
  explicit TestFleet(const sim::FleetShape& shape = {}, const sim::WorldOptions& options = seeded(1)) : world(options) {
    fleet = sim::build_fleet(world, shape);
    world.on_log = [this](sim::MachineId id, pinnate_log_level, const std::string& line) {
      logs.push_back(world.at(id).name() + ": " + line);
    };
  }
  // No test may end with a tier that broke its contract with the driver.
  ~TestFleet() {
    for (const auto& breach : world.breaches()) CHECK_MESSAGE(breach.empty(), breach);
  }

  wire::Published publish(const sim::Module& m, const std::string& selector = {}, const std::string& config = {}) {
    return world.publish_and_wait("c", m, selector, config);
  }
  // A publish that the test relies on.
  std::uint64_t release(const sim::Module& m, const std::string& selector = {}, const std::string& config = {}) {
    const wire::Published published = publish(m, selector, config);
    REQUIRE_MESSAGE(published.code == PINNATE_OK, published.reason);
    return published.release;
  }
  wire::Done unpublish(const std::string& name, std::uint64_t release = 0) {
    wire::Unpublish order;
    order.name = name;
    order.release = release;
    return world.ask<wire::Done>("c", order);
  }

  bool all_serve(const std::string& function, const std::string& version) const {
    for (sim::MachineId id : world.live_engines()) {
      const sim::Serving* now = world.at(id).modules()->serving(function);
      if ((now ? now->version : "") != version) return false;
    }
    return true;
  }
  // `version` "": nobody serves it.
  bool becomes(const std::string& function, const std::string& version, std::int64_t limit_ms = 60000) {
    return world.run_until([&] { return all_serve(function, version); }, limit_ms);
  }
  bool becomes_on(const std::string& engine, const std::string& function, const std::string& version,
                  std::int64_t limit_ms = 60000) {
    return world.run_until([&] { return world.version_on(engine, function) == version; }, limit_ms);
  }

  wire::StatusReport status(const std::string& name = {}, const std::string& tier = "c") {
    wire::GetStatus get;
    get.name = name;
    return world.ask<wire::StatusReport>(tier, get);
  }
  static std::uint64_t count(const wire::StatusRow& row, wire::Phase phase) {
    return row.phases.at(std::size_t(phase));
  }
  // In the row of a release; ~0: there is no such row.
  std::uint64_t phase(std::uint64_t release, wire::Phase phase, const std::string& tier = "c") {
    for (const auto& row : status({}, tier).rows)
      if (row.release == release) return count(row, phase);
    return ~std::uint64_t{0};
  }
  wire::StatusRow row(std::uint64_t release) {
    for (const auto& row : status().rows)
      if (row.release == release) return row;
    return {};
  }
  // Until the controller's roll-up says so.
  bool reports(std::uint64_t release, wire::Phase phase, std::uint64_t engines, std::int64_t limit_ms = 60000) {
    for (std::int64_t waited = 0; waited <= limit_ms; waited += 250) {
      if (this->phase(release, phase) == engines) return true;
      world.advance(250);
    }
    return false;
  }
  template <class F>
  bool eventually(F&& holds, std::int64_t limit_ms = 60000, std::int64_t step_ms = 250) {
    for (std::int64_t waited = 0; waited <= limit_ms; waited += step_ms) {
      if (holds()) return true;
      world.advance(step_ms);
    }
    return false;
  }
  bool logged(const std::string& words) const {
    for (const auto& line : logs)
      if (line.find(words) != std::string::npos) return true;
    return false;
  }
  static bool says(const std::vector<std::string>& notices, const std::string& words) {
    for (const auto& notice : notices)
      if (notice.find(words) != std::string::npos) return true;
    return false;
  }

  wire::Tiers lookup(wire::Lookup lookup, const std::string& tier = "c") {
    return world.ask<wire::Tiers>(tier, lookup);
  }
  // What one engine says of itself, by the tree.
  wire::TierRow engine_row(const std::string& engine) {
    wire::Lookup one;
    one.engine = engine;
    const wire::Tiers tiers = lookup(one);
    return tiers.rows.empty() ? wire::TierRow{} : tiers.rows[0];
  }
  wire::Returned call(const std::string& function, const std::string& payload, const std::string& engine = {},
                      const std::string& tier = "c", std::uint32_t timeout_ms = 5000) {
    wire::Call order;
    order.function = function;
    order.payload = Buffer(payload);
    order.engine = engine;
    order.timeout_ms = timeout_ms;
    return world.ask<wire::Returned>(tier, order);
  }
  Digest artifact(const sim::Module& m) { return world.shelf().add(m).manifest.artifacts[0].digest; }

  std::vector<std::string> logs;
  sim::TestWorld world;
  sim::Fleet fleet;
};

inline std::uint64_t sum(const wire::StatusRow& row) {
  return std::accumulate(row.phases.begin(), row.phases.end(), std::uint64_t{0});
}

// Small shapes.
inline sim::FleetShape shape(std::uint32_t sites, std::uint32_t clusters, std::uint32_t engines, bool durable = false) {
  sim::FleetShape s;
  s.sites = sites;
  s.clusters = clusters;
  s.engines = engines;
  s.engine.durable = durable;
  return s;
}

}  // namespace pinnate
