// Status folded on its way upstream: what one tier below contributes, and the sum over all of them. A part is replaced as a
// whole, so that the sum can neither lose nor repeat one.
#pragma once

#include "tier/desired_state.h"
#include "wire/message.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace pinnate::tier {

struct Contribution {
  std::uint64_t online = 0, offline = 0, forgotten = 0, gateways_online = 0, gateways_offline = 0;
  std::map<std::uint64_t, wire::ReleaseRow> rows;  // by release; counts of online engines, but serving_offline

  // The same tier after its link was lost: everything below it is offline, what it served is kept as such.
  Contribution offline_now() const;
};

// Of one engine. `state` tells which releases it has evaluated and not selected.
Contribution contribution_of(const std::string& engine, const wire::EngineStatus& status, const DesiredState& state);

class Sum {
 public:
  // `part` stops contributing `before` and contributes `now` instead; both may be empty.
  void replace(const std::string& part, const Contribution& before, const Contribution& now);

  const Contribution& total() const { return total_; }
  // Releases whose row changed since the last call; totals_changed likewise.
  std::set<std::uint64_t> take_changed() { return std::exchange(changed_, {}); }
  bool take_totals_changed() { return std::exchange(totals_changed_, false); }
  bool changed() const { return totals_changed_ || !changed_.empty(); }
  void touch_totals() { totals_changed_ = true; }
  void touch(std::uint64_t release) { changed_.insert(release); }
  // Parts in which some engine failed this release.
  const std::set<std::string>& failing(std::uint64_t release) const;

 private:
  Contribution total_;
  std::map<std::uint64_t, std::set<std::string>> failing_;
  std::set<std::uint64_t> changed_;
  bool totals_changed_ = false;
};

// A row as it is shown: phases that sum to online + offline.
wire::StatusRow status_row(const wire::ReleaseRow& row, const Contribution& total, bool current);

}  // namespace pinnate::tier
