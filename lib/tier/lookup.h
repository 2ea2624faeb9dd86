// Lists tiers below, in pages: a walk over the children in order of their ids, which asks each
// linked gateway for its part. Nothing is kept between pages: a cursor names the tier to go on
// from.
#pragma once

#include "tier/directory.h"
#include "tier/inquiries.h"

namespace pinnate::tier {

class LookupPages {
 public:
  // Lists members of this tier itself: see Members::list.
  using Add = std::function<bool(wire::TierRow)>;
  using Members = std::function<std::string(const std::string& from, const Add& add)>;
  LookupPages(Core* core, const Directory* directory, const DesiredState* state, Inquiries* inquiries, Members members)
      : core_(core), directory_(directory), state_(state), inquiries_(inquiries), members_(std::move(members)) {}

  using Answer = std::function<void(wire::Tiers)>;  // its id is 0
  void ask(const wire::Lookup& lookup, Answer answer);  // within the limits below

 private:
  struct Walk {
    wire::Lookup lookup;
    Answer answer;
    wire::Tiers page;
    std::size_t bytes = 0;
    std::string at_child, inner;  // where to go on: a child's id, and the cursor inside it
    std::string at_member;  // of this tier itself
    std::int64_t deadline_ms = 0;
    bool at_found = false;  // the gateway that is asked about
  };
  using WalkPtr = std::shared_ptr<Walk>;
  bool add_members(Walk& walk);  // false: the page ends here
  void go_on(const WalkPtr& walk);
  bool visit(const WalkPtr& walk, const Child& child);  // false: goes on when a part is answered
  void end_part(const WalkPtr& walk, const std::string& gateway, wire::Tiers* tiers, const char* failed);
  void finish(Walk& walk, const std::string& next);
  static void add(Walk& walk, wire::TierRow row);
  static void add_unreachable(Walk& walk, const Child& child, const std::string& why);

  Core* core_;
  const Directory* directory_;
  const DesiredState* state_;
  Inquiries* inquiries_;
  Members members_;
  std::size_t walks_ = 0;  // that have not ended
};

inline constexpr std::uint32_t kRowLimit = 1000, kLongestLookupMs = 600000;
inline constexpr std::size_t kTiersBytes = kMessageLimitBytes - 64 * 1024;  // of the rows in one answer
std::size_t size_of(const wire::TierRow& row);  // at most that much in an answer
// What is below that gateway is missing from the answer.
void not_answered(wire::Tiers* answer, const std::string& gateway, const std::string& why,
                  Code code = PINNATE_UNREACHABLE);

// An engine's row as `lookup` wants it, or nothing where it does not match.
std::optional<wire::TierRow> engine_row(const wire::Hello& hello, bool online, const wire::EngineStatus& status,
                                        const DesiredState& state, const wire::Lookup& lookup);

}  // namespace pinnate::tier
