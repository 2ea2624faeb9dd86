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
  bool ahead = false;  // an engine's status is of a desired state that this tier did not have when it came

  bool engine() const { return hello.role == wire::Role::engine; }
};

class Directory {
 public:
  Directory(Core* core, const DesiredState* state, std::uint32_t forget_after_ms, std::function<void()> changed)
      : core_(core), state_(state), forget_after_ms_(forget_after_ms), changed_(std::move(changed)) {}

  void restore(const Restored& restored);
  void joined(const Session& session);
  void left(const Session& session, bool forget);
  void take(const Session& session, const wire::EngineStatus& status);
  void take(const Session& session, const wire::Rollup& rollup);

  void state_changed();  // counts those anew that knew of it before

  const std::map<std::string, std::unique_ptr<Child>>& children() const { return children_; }
  Child* find(const std::string& id);
  // Linked children below which a function is served now.
  std::vector<const Child*> serving(const std::string& function) const;

  const Contribution& total() const { return sum_.total(); }
  // What changed since the last call, or everything, as the messages to send upstream.
  std::vector<wire::Rollup> take_rollup(bool whole, const std::vector<std::string>& own_notices);
  void report(const std::string& name, wire::StatusReport* out) const;
  std::vector<std::string> notices() const;  // of the children

  std::vector<RecordWrite> take_changes();
  void changes_failed();  // they could not be written: all that is known is told again

 private:
  void count(Child& child, Contribution now);
  void count_engine(Child& child);
  void set_offline(Child& child);
  void forget(const std::string& id, bool tell);
  wire::ReleaseRow row_with_failures(std::uint64_t release) const;

  Core* core_;
  const DesiredState* state_;
  std::uint32_t forget_after_ms_;
  std::function<void()> changed_;
  std::map<std::string, std::unique_ptr<Child>> children_;
  std::map<std::string, std::map<std::string, const Child*>> serving_;  // function -> id -> child
  Sum sum_;
  Contribution forgotten_;  // a part of its own: only its `forgotten` counts
  std::set<std::string> unsaved_;
  std::set<std::uint64_t> told_;  // releases upstream has a row of
};

}  // namespace pinnate::tier
