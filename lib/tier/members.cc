#include "tier/members.h"

namespace pinnate::tier {

void Members::set(const std::string& source, const std::vector<std::string>& addresses) {
  std::set<std::string> now(addresses.begin(), addresses.end());
  std::set<std::string>& before = named_[source];
  for (const std::string& address : now) {
    Member& member = members_[address];
    member.sources.insert(source);
    member.hold.cancel();
    if (member.endpoint == 0) member.endpoint = links_->keep(Side::downstream, address);
  }
  for (const std::string& address : before) {
    if (now.contains(address)) continue;
    Member& member = members_.at(address);
    member.sources.erase(source);
    if (member.sources.empty()) hold(address);
  }
  before = std::move(now);
  if (before.empty()) named_.erase(source);
}

void Members::hold(const std::string& address) {
  members_.at(address).hold = core_->alarm_in(hold_ms_, [this, address] { let_go(address); });
}

void Members::let_go(const std::string& address) {
  const EndpointId endpoint = members_.at(address).endpoint;
  if (links_->is_up(endpoint)) return hold(address);
  members_.erase(address);
  links_->release(endpoint, false);
}

}  // namespace pinnate::tier
