// Lookups that gateways below are asked. Each ends once: with its answer, or why there is none.
#pragma once

#include "tier/core.h"

namespace pinnate::tier {

class Inquiries {
 public:
  explicit Inquiries(Core* core) : core_(core) {}

  using Done = std::function<void(wire::Tiers* answer, const char* failed)>;  // one of the two is null
  void ask(LinkId link, const std::string& gateway, wire::Lookup lookup, std::int64_t limit_ms, Done done);
  void take(LinkId link, wire::Tiers& answer) { end({link, answer.id}, &answer, nullptr); }
  void link_down(LinkId link);
  std::size_t unanswered() const { return asked_.size(); }

 private:
  using Key = std::pair<LinkId, std::uint64_t>;
  struct Inquiry {
    Done done;
    Alarm limit;
  };
  void end(const Key& key, wire::Tiers* answer, const char* failed);

  Core* core_;
  std::map<Key, Inquiry> asked_;
  std::uint64_t last_ = 0;
};

}  // namespace pinnate::tier
