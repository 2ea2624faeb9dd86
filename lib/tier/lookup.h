// Lists tiers below, in pages: a walk over the known children in order of their ids, which asks each linked gateway in turn for
// its part. Nothing is kept between pages: a cursor names the tier to go on from.
#pragma once

#include "tier/directory.h"

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace pinnate::tier {

class Lookups {
 public:
  Lookups(Core* core, Links* links, const Directory* directory, const DesiredState* state)
      : core_(core), links_(links), directory_(directory), state_(state) {}
  ~Lookups();

  using Answer = std::function<void(wire::Tiers)>;  // its id is 0
  void ask(const wire::Lookup& lookup, Answer answer);
  void take(LinkId link, wire::Tiers& tiers);  // a part that was asked for
  void link_down(LinkId link);

 private:
  struct Walk {
    wire::Lookup lookup;
    Answer answer;
    wire::Tiers page;
    std::vector<wire::TierRow> offline;  // of the engine that is looked for
    std::size_t bytes = 0;
    std::string at_child, inner;  // where to go on: a child's id, and the cursor inside it
    std::int64_t deadline_ms = 0;
  };
  struct Part {
    std::shared_ptr<Walk> walk;
    LinkId link = 0;
    std::string child;
    Core::AlarmId limit = 0;
  };
  void go_on(const std::shared_ptr<Walk>& walk);
  bool visit(const std::shared_ptr<Walk>& walk, const Child& child);  // false: goes on when a part is answered
  void end_part(std::uint64_t id, wire::Tiers* tiers, const char* failed);
  void finish(const std::shared_ptr<Walk>& walk, const std::string& next);
  void add(Walk& walk, wire::TierRow row);
  static void not_asked(Walk& walk, const std::string& gateway, const std::string& why);
  void add_unreachable(Walk& walk, const Child& child, const std::string& why);

  Core* core_;
  Links* links_;
  const Directory* directory_;
  const DesiredState* state_;
  std::map<std::uint64_t, Part> parts_;
  std::uint64_t next_part_ = 1;
};

// An engine's row as `lookup` wants it, or nothing where it does not match.
std::optional<wire::TierRow> engine_row(const wire::Hello& hello, bool online, const wire::EngineStatus& status,
                                        const DesiredState& state, const wire::Lookup& lookup);

}  // namespace pinnate::tier
