// Who is below, as others name it: each source names a set of addresses, and the union is dialled.
//
// A link that is up says more than any source, so nobody is cut off because a source is wrong, and a
// source that fails, is incomplete, or suddenly names nobody takes nobody away: it is stale, and its
// last good set stands. That is kept on disk, for a restart while the sources are away.
#pragma once

#include "base/naming.h"
#include "tier/core.h"
#include "tier/links.h"
#include "tier/notices.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace pinnate::tier {

class Members {
 public:
  // A member that no source names any more is dialled for `hold_ms` more, and then let go of once
  // its link is dead. `save` writes what restore() is given.
  Members(Core* core, Links* links, Notices* notices, std::uint32_t hold_ms, std::function<void(RecordWrite)> save)
      : core_(core), links_(links), notices_(notices), hold_ms_(hold_ms), save_(std::move(save)) {}

  // A source of the last life that is not there again within `hold_ms` is forgotten.
  void restore(const Restored& restored);
  // What a source says. Nothing: there is no such source any more. Failed without words: it is
  // there, and has said nothing yet.
  void named(const std::string& source, std::optional<Naming> naming);
  void save_now();  // if there is anything to write
  void save_soon();

  // Adds sources and members as rows, from the cursor on, until `add` is false for one: returns the
  // cursor of that one. Empty: it was the last.
  using Add = std::function<bool(wire::TierRow)>;
  std::string list(const std::string& from, const Add& add);
  void count(MemberCounts* counts);
  bool names(EndpointId endpoint) const { return by_endpoint_.contains(endpoint); }

 private:
  struct Member {
    EndpointId endpoint = 0;
    std::map<std::string, bool> sources;  // that name it, and whether it is about to end, as each says
    Alarm hold{};  // while no source names it
  };
  struct Source {
    std::set<std::string> named;
    std::int64_t stale_since_ms = 0;  // wall time. 0: what it said last was whole
    std::string why;  // it is stale, or names nobody
    bool restored = false;  // and has said nothing in this life
    Alarm doubt{};  // until an empty set is believed, or a restored source forgotten
  };
  void take(const std::string& name, Source& source, const Naming& naming);
  void add(const std::string& name, Source& source, const std::vector<std::string>& addresses);
  void unname(const std::string& name, const std::string& address);
  void set_stale(const std::string& name, Source& source, const std::string& why);
  void set_terminating(const std::string& name, const std::vector<std::string>& addresses);
  void mark(Member& member);
  void doubt(const std::string& name);
  void forget(const std::string& name);
  void hold(const std::string& address);
  void let_go(const std::string& address);
  wire::TierRow row_of(const std::string& address, const Member& member);
  wire::TierRow row_of(const std::string& name, const Source& source);

  Core* core_;
  Links* links_;
  Notices* notices_;
  const std::uint32_t hold_ms_;
  std::function<void(RecordWrite)> save_;
  std::map<std::string, Member> members_;  // by address
  std::map<std::string, Source> sources_;
  std::set<EndpointId> by_endpoint_;
  Alarm save_at_;
  bool unsaved_ = false;
};

}  // namespace pinnate::tier
