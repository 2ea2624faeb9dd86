#include "tier/service_changes.h"

namespace pinnate::tier {

std::vector<wire::ServiceRow> ServiceChanges::since(const wire::Tiers& engine) {
  auto before = std::exchange(known_, {});
  for (const wire::TierRow& tier : engine.rows)
    for (const wire::ServiceRow& row : tier.services) known_.insert_or_assign(row.release, row);
  std::vector<wire::ServiceRow> changed;
  for (auto& [release, row] : before) {
    if (known_.contains(release)) continue;
    changed.push_back(row);
    changed.back().phase = wire::Phase::not_selected;
    changed.back().serving = false;
    changed.back().reason.clear();
  }
  for (const auto& [release, row] : known_) {
    const auto old = before.find(release);
    if (old == before.end() || old->second != row) changed.push_back(row);
  }
  return changed;
}

}  // namespace pinnate::tier
