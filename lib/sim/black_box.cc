#include "sim/black_box.h"

#include <algorithm>

namespace pinnate::sim {

void BlackBox::died(const std::vector<Restored::Death>& inside, const std::vector<Restored::Death>& young) {
  std::vector<Digest> blamed;
  for (const Restored::Death& death : inside.empty() ? young : inside) {
    if (std::find(blamed.begin(), blamed.end(), death.artifact) != blamed.end()) continue;
    blamed.push_back(death.artifact);
    auto tally =
        std::find_if(tallies_.begin(), tallies_.end(), [&](const auto& t) { return t.artifact == death.artifact; });
    if (tally == tallies_.end()) tally = tallies_.insert(tally, {death.artifact, "", 0});
    tally->moment = death.moment;
    tally->in_a_row++;
  }
}

void BlackBox::forgive(const Digest& artifact) {
  std::erase_if(tallies_, [&](const auto& tally) { return tally.artifact == artifact; });
}

}  // namespace pinnate::sim
