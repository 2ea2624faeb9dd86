#include "sim/black_box.h"

#include <algorithm>

namespace pinnate::sim {

void BlackBox::died(const std::vector<Restored::Death>& inside, const std::vector<Restored::Death>& young) {
  last_.clear();
  for (const Restored::Death& death : inside.empty() ? young : inside) {
    const auto same = [&](const auto& other) { return other.artifact == death.artifact; };
    if (std::any_of(last_.begin(), last_.end(), same)) continue;
    auto tally = std::find_if(tallies_.begin(), tallies_.end(), same);
    if (tally == tallies_.end()) tally = tallies_.insert(tally, Tally{death.artifact, 0});
    last_.push_back({death.artifact, death.moment, ++tally->in_a_row});
  }
}

void BlackBox::forgive(const Digest& artifact) {
  std::erase_if(tallies_, [&](const Tally& tally) { return tally.artifact == artifact; });
}

}  // namespace pinnate::sim
