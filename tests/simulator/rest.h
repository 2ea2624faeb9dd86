// How the fleet must be once faults have stopped: promises 1 and 8, worked out from what is on the
// controller's disk, what was published and how modules behave, and held against what engines
// really serve and what the controller says.
#pragma once

#include "simulator/check.h"

#include <string>

namespace pinnate::simulator {

class Rest {
 public:
  explicit Rest(Situation& situation) : s_(situation) {}

  // Promise 1; "" when it holds, else the first thing that is not as it should be.
  std::string not_converged() const;
  // Promise 1 again: an engine that cannot serve a release was reported as failed, with why, within
  // `limit_ms` from now. Lets virtual time pass until it was.
  std::string not_told(std::int64_t limit_ms) const;
  // The releases that this engine should serve, and that fail on it for ever.
  std::vector<std::uint64_t> tried_in_vain(const Member& engine) const;
  // Promise 8, likewise, when so many engines are down and not forgotten yet. Lets virtual time
  // pass while it asks.
  std::string counts_wrong(std::uint64_t offline = 0) const;

 private:
  enum class Should { nothing, serve, incompatible, excused };
  Should should(const Member& engine, const std::string& function, const content::Release** chosen) const;
  bool cannot_start(const Member& engine, const content::Release& release, const Digest& artifact) const;
  const content::ArtifactEntry* artifact_of(const content::Release& release) const;
  bool serves(const Member& engine, const content::Release& release) const;
  std::string row_wrong(const wire::StatusRow& row, std::uint64_t offline) const;
  std::vector<const Member*> up() const;

  Situation& s_;
};

}  // namespace pinnate::simulator
