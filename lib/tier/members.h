// Who is below, as others name it: each source names a set of addresses, and the union is dialled.
// A link that is up says more than any source, so nobody is cut off because a source is wrong.
#pragma once

#include "tier/core.h"
#include "tier/links.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace pinnate::tier {

class Members {
 public:
  // A member that no source names any more is dialled for `hold_ms` more, and then let go of once
  // its link is dead.
  Members(Core* core, Links* links, std::uint32_t hold_ms) : core_(core), links_(links), hold_ms_(hold_ms) {}

  // The whole of what the source names now; with no address it is forgotten.
  void set(const std::string& source, const std::vector<std::string>& addresses);

 private:
  struct Member {
    EndpointId endpoint = 0;
    std::set<std::string> sources;
    Alarm hold{};  // while no source names it
  };
  void hold(const std::string& address);
  void let_go(const std::string& address);

  Core* core_;
  Links* links_;
  const std::uint32_t hold_ms_;
  std::map<std::string, Member> members_;  // by address
  std::map<std::string, std::set<std::string>> named_;  // by source
};

}  // namespace pinnate::tier
