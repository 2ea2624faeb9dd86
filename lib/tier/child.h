// A tier right below this one: who it is, and what it last said.
#pragma once

#include "tier/core.h"

#include <tuple>

namespace pinnate::tier {

// Which release a row is of. A restored controller may give a number again.
struct RowKey {
  std::uint64_t release = 0;
  std::string name, version;
};
struct ByRelease {
  using is_transparent = void;
  template <class A, class B>
  bool operator()(const A& a, const B& b) const {
    return std::tie(a.release, a.name, a.version) < std::tie(b.release, b.name, b.version);
  }
};

struct Child {
  wire::Hello hello;  // its position is the last it told
  LinkId link = 0;  // 0: offline
  wire::EngineStatus status;  // of an engine: its last, as far as it can be true
  // Of a gateway, else null: its last, differences included; rows are in order (ByRelease).
  std::unique_ptr<wire::Rollup> rollup;
  std::size_t rollup_bytes = 0;  // of the rows in it
  std::vector<std::string> notices;
  Alarm forget;
  std::int64_t forget_at_ms = 0;
  std::int64_t offline_since_ms = 0;  // wall time, for the next life of this tier. 0: not known, or linked
  std::size_t kept_bytes = 0;  // while it is offline: its share of Directory::offline_bytes_
  bool ahead = false;  // an engine's status is of a desired state that this tier did not have when it came
  // How Tally counts it: as linked or not, and whether its position is of the epoch of this tier.
  bool counted_online = false, counted_epoch = false;

  bool engine() const { return hello.role == wire::Role::engine; }
};

bool gone(const wire::ReleaseRow& row);  // it counts nobody
void only_served(wire::ReleaseRow* row);  // leaves no more of it than who serves the release
std::size_t bytes_of(const wire::ReleaseRow& row);
std::size_t bytes_of(const Child& child);  // about what it takes in memory

// Leaves what is left when a gateway is lost: all below it is offline, and what that served.
void lose(wire::Rollup* rollup);

}  // namespace pinnate::tier
