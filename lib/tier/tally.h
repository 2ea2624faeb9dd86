// The sum of what all tiers right below last said, and what is told of it. What a child adds is
// worked out from what it said.
//
// Who does not select a release says nothing of it. How many do not is how many of this epoch have
// evaluated it, without those that it selects.
#pragma once

#include "tier/child.h"
#include "tier/desired_state.h"

namespace pinnate::tier {

inline constexpr std::size_t kFailuresShown = 4;
inline constexpr std::size_t kNoticesShown = 16;

struct Totals {
  std::uint64_t online = 0, offline = 0, forgotten = 0, gateways_online = 0, gateways_offline = 0;
  std::uint64_t kept_images = 0, kept_bytes = 0;  // of online engines
};
Totals totals_of(const Child& child);  // as it is counted

class Tally {
 public:
  explicit Tally(const DesiredState* state) : state_(state) {}

  void add(Child& child);  // with all that it said, by the epoch of this tier
  void remove(const Child& child) { count_all(child, false); }
  bool outdated(const Child& child) const;  // it was counted in another epoch of this tier
  // In place of what a child said before. Only rows that differ are looked at.
  void replace(Child& child, wire::EngineStatus now);
  void replace(Child& child, wire::Rollup now);
  void forgot(std::uint64_t engines);
  void state_changed() { all_touched_ = true; }  // what is current, and so told upstream

  using Counts = std::array<std::uint64_t, 8>;
  struct ById {
    bool operator()(const Child* a, const Child* b) const { return a->hello.id < b->hello.id; }
  };
  struct Row {
    Counts counts{};
    std::set<const Child*, ById> failing;
    wire::ReleaseRow told;  // upstream
    bool touched = false;  // since then
    bool served() const { return counts[6] + counts[7] > 0; }
  };
  using Rows = std::map<RowKey, Row, ByRelease>;

  const Totals& total() const { return total_; }
  const Rows& rows() const { return rows_; }
  // Linked children below which a function is served; one that serves two versions, twice. Valid
  // until the next change.
  const std::vector<const Child*>& serving(std::string_view function) const;
  // What upstream does not know yet, or everything.
  std::vector<wire::Rollup> take_rollup(bool whole, const std::vector<std::string>& notices);
  void report(const std::string& name, wire::StatusReport* out) const;  // of one function, or of all ("")

 private:
  void count_all(const Child& child, bool add);
  void count_head(const Child& child, bool add);
  template <class R>
  void count_row(const Child& child, const R& row, const Counts& counts, bool add);
  wire::ReleaseRow row_of(const RowKey& key, const Row* row) const;
  bool current(const RowKey& key) const;
  std::vector<wire::Evaluated> evaluated() const;

  const DesiredState* state_;
  Totals total_;
  std::map<std::uint64_t, std::uint64_t> evaluated_;  // revision -> engines
  Rows rows_;
  std::map<std::string, std::vector<const Child*>, std::less<>> serving_;  // by function
  bool all_touched_ = false;
};

// A row as it is shown: phases that sum to all engines. `evaluated`: that know of the release.
wire::StatusRow status_row(const wire::ReleaseRow& row, const Totals& total, std::uint64_t evaluated, bool current);

}  // namespace pinnate::tier
