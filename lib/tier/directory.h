// The tiers known below: who they are, whether they are linked, what they last said. Survives restarts; forgets who has been
// offline too long.
#pragma once

#include "tier/links.h"
#include "tier/rollup.h"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace pinnate::tier {

struct Child {
  wire::Hello hello;  // who it is
  LinkId link = 0;  // 0: offline
  wire::Position position;
  wire::EngineStatus status;  // an engine's last
  Contribution reported;  // what it last contributed, as online
  Contribution counted;  // what it contributes now
  std::vector<std::string> notices;
  Core::AlarmId forget = 0;
  std::int64_t forget_at_ms = 0;
  std::int64_t offline_since_ms = 0;  // wall time, for the next life of this tier. 0: not known, or linked
  std::size_t kept_bytes = 0;  // while it is offline: its share of Directory::offline_bytes_
  bool ahead = false;  // an engine's status is of a desired state that this tier did not have when it came

  bool engine() const { return hello.role == wire::Role::engine; }
};

// Children that are offline, at most; of more, those that have been so the longest are forgotten.
inline constexpr std::size_t kOfflineKept = 100000;
inline constexpr std::size_t kOfflineKeptBytes = 512 * 1024 * 1024;  // of what they last said; never fewer than one

class Directory {
 public:
  Directory(Core* core, const DesiredState* state, std::uint32_t forget_after_ms, std::function<void()> changed,
            std::size_t offline_limit_bytes = kOfflineKeptBytes)
      : core_(core),
        state_(state),
        forget_after_ms_(forget_after_ms),
        offline_limit_bytes_(offline_limit_bytes),
        changed_(std::move(changed)) {}

  void restore(const Restored& restored);
  void joined(const Session& session);
  void left(const Session& session, bool forget);
  void closing() { closing_ = true; }  // who leaves from now on does so because this tier ends, and has not been lost
  // Not OK: it is malformed, and nothing of it was taken.
  Status take(const Session& session, const wire::EngineStatus& status);
  Status take(const Session& session, const wire::Rollup& rollup);

  void state_changed();  // counts those anew that knew of it before

  const std::map<std::string, std::unique_ptr<Child>>& children() const { return children_; }
  Child* find(const std::string& id);
  // Linked children below which a function is served now. Valid until the next change.
  const std::vector<const Child*>& serving(const std::string& function) const;

  const Contribution& total() const { return sum_.total(); }
  // What changed since the last call, or everything, as the messages to send upstream.
  std::vector<wire::Rollup> take_rollup(bool whole, const std::vector<std::string>& own_notices);
  void report(const std::string& name, wire::StatusReport* out) const;
  std::vector<std::string> notices() const;  // of the children

  // What differs from the records that were told last is told in batches: begin_save() gathers it, take_changes() gives the next
  // batch, until one is empty. What changes meanwhile waits for the next begin_save().
  struct Changes {
    std::vector<RecordWrite> writes;
    std::map<std::string, std::uint64_t> children;  // as in Directory::unsaved_
  };
  void begin_save();
  Changes take_changes();
  void changes_failed(const Changes& changes);  // they could not be written: these are told again
  bool unsaved() const { return !unsaved_.empty(); }

 private:
  void count(Child& child, Contribution now);
  void count_engine(Child& child);
  void set_offline(Child& child, std::int64_t for_ms = 0);
  void not_offline(Child& child);
  void forget(const std::string& id, bool tell);
  void write(const std::string& id, std::vector<RecordWrite>* writes) const;
  wire::ReleaseRow row_with_failures(std::uint64_t release) const;

  Core* core_;
  const DesiredState* state_;
  std::uint32_t forget_after_ms_;
  std::size_t offline_limit_bytes_;
  std::function<void()> changed_;
  std::map<std::string, std::unique_ptr<Child>> children_;
  std::set<std::pair<std::int64_t, std::string>> offline_;  // when to be forgotten, id
  std::size_t offline_bytes_ = 0;  // of them
  bool closing_ = false;
  std::map<std::string, std::vector<const Child*>> serving_;  // by function
  Sum sum_;
  Contribution forgotten_;  // a part of its own: only its `forgotten` counts
  // Children whose records are not up to date, with what each removal among them adds to the count of the forgotten: the record of
  // that count must never be ahead of the removals, nor behind. due_: those that the present save is still to tell.
  std::map<std::string, std::uint64_t> unsaved_, due_;
  std::uint64_t unsaved_forgotten_ = 0;
  std::set<std::uint64_t> told_;  // releases upstream has a row of
};

}  // namespace pinnate::tier
