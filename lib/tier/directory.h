// The tiers known below, also after a restart; who has been offline too long is forgotten.
#pragma once

#include "tier/child_records.h"
#include "tier/links.h"
#include "tier/tally.h"

namespace pinnate::tier {

// Children that are offline, at most; of more, those that have been so the longest are forgotten.
inline constexpr std::size_t kOfflineKept = 100000;
inline constexpr std::size_t kOfflineKeptBytes = 512 * 1024 * 1024;  // of what they last said; never fewer than one

class Directory {
 public:
  Directory(Core* core, const DesiredState* state, std::uint32_t forget_after_ms, std::function<void()> changed,
            std::function<void(const std::string& id)> forgot, std::size_t offline_limit_bytes = kOfflineKeptBytes)
      : core_(core),
        state_(state),
        forget_after_ms_(forget_after_ms),
        offline_limit_bytes_(offline_limit_bytes),
        changed_(std::move(changed)),
        forgot_(std::move(forgot)),
        tally_(state),
        records_(core, &children_) {}

  void restore(const Restored& restored);
  void joined(const Session& session, const wire::Hello& hello);
  void left(const Session& session, bool forget);
  void closing() { closing_ = true; }  // who leaves from now on does so because this tier ends, and has not been lost
  // Not OK: it is malformed. What cannot be true is left out, and a notice says so.
  Status take(const Session& session, wire::EngineStatus status);
  Status take(const Session& session, wire::Rollup rollup);
  void state_changed();  // looks anew at those that knew of it before

  const Children& children() const { return children_; }
  Child* find(const std::string& id);
  const std::vector<const Child*>& serving(std::string_view function) const { return tally_.serving(function); }
  const Totals& total() const { return tally_.total(); }
  const Tally& tally() const { return tally_; }
  ChildRecords& records() { return records_; }

  // What changed since the last call, or everything, as the messages to send upstream.
  std::vector<wire::Rollup> take_rollup(bool whole, std::vector<std::string> notices);
  void report(const std::string& name, wire::StatusReport* out) const;

 private:
  Child* speaker(const Session& session, wire::Role role);
  void changed(const Child& child);
  void set_offline(Child& child, std::int64_t for_ms = 0);
  void not_offline(Child& child);
  void forget(const std::string& id, bool tell);
  void add_notices(std::vector<std::string>* all) const;  // of the children

  Core* core_;
  const DesiredState* state_;
  std::uint32_t forget_after_ms_;
  std::size_t offline_limit_bytes_;
  std::function<void()> changed_;
  std::function<void(const std::string& id)> forgot_;
  Children children_;
  Tally tally_;
  ChildRecords records_;
  std::set<std::pair<std::int64_t, std::string>> offline_;  // when to be forgotten, id
  std::size_t offline_bytes_ = 0;  // of them
  bool closing_ = false;
};

}  // namespace pinnate::tier
