// The fleet as a tree: gateways under gateways, and the engines of each, those in the same state
// together.
#pragma once

#include "fleet_values.h"
#include "json_text.h"
#include "terminal.h"

#include <string>
#include <vector>

namespace cli {

class Session;

struct Branch {
  explicit Branch(Tier of) : tier(std::move(of)) {}

  Tier tier;
  std::vector<Branch> below;  // gateways
  std::vector<Tier> engines;
};

struct FleetTree {
  PeerText root;  // the tier that was asked
  std::uint64_t revision = 0, known_engines = 0, online_engines = 0;  // as it counts them
  std::vector<Branch> below;
  std::vector<Tier> engines;  // linked to the root itself
  bool cut = false;  // there is more than was asked for
};

// Looks the tree up below the tier that answered with `root`: all services, or those of one
// function.
FleetTree look_up_tree(Session& session, const Rollup& root, const std::string& name);

// Text of several lines.
std::string drawn(const FleetTree& tree, const Terminal& terminal);

// Writes an object: {"id", "gateways": [...], "engines": [groups]}.
void write_json(JsonText& json, const FleetTree& tree);

// "thumbnail 1.1.0 failed: reason, thumbnail 1.0.0 live": what an engine has of releases that
// select it.
std::string services_text(const Tier& engine);

}  // namespace cli
