// What an engine's host remembers of the modules that it died in, as a real engine's notes would.
#pragma once

#include "base/digest.h"
#include "content/record.h"

#include <algorithm>
#include <set>
#include <vector>

namespace pinnate::sim {

class BlackBox {
 public:
  // The process died. Services that were inside something are blamed; where there are none, those
  // in their first minute. One blame per artifact.
  void died(const std::vector<Restored::Death>& inside, const std::vector<Restored::Death>& young) {
    std::set<Digest> blamed;
    for (const Restored::Death& death : inside.empty() ? young : inside) {
      if (!blamed.insert(death.artifact).second) continue;
      auto tally =
          std::find_if(tallies_.begin(), tallies_.end(), [&](const auto& t) { return t.artifact == death.artifact; });
      if (tally == tallies_.end()) tally = tallies_.insert(tally, {death.artifact, "", 0});
      tally->moment = death.moment;
      tally->in_a_row++;
    }
  }
  void forgive(const Digest& artifact) {
    std::erase_if(tallies_, [&](const auto& tally) { return tally.artifact == artifact; });
  }

  // What was blamed and not forgiven since, each with its deaths in a row.
  const std::vector<Restored::Death>& deaths() const { return tallies_; }

 private:
  std::vector<Restored::Death> tallies_;
};

}  // namespace pinnate::sim
