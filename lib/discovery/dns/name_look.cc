#include "discovery/dns/look.h"
#include "discovery/dns/lookup.h"
#include "discovery/source/source.h"

#include <algorithm>

namespace pinnate::discovery {
namespace {

class NameLook final : public Look {
 public:
  NameLook(Loop& loop, std::shared_ptr<Channel> channel, const Asking& asking, const std::string& name,
           std::uint16_t port, SayOnce seen)
      : name_(name),
        port_(port),
        types_(address_types(asking)),
        seen_(std::move(seen)),
        lookup_(loop, std::move(channel), name, types_, 0,
                [this](std::vector<Answer> answers) { found(addresses_of(name_, types_, std::move(answers))); }) {}

 private:
  void found(Addresses addresses) {
    Seen seen{{addresses.answer, {}, {}, std::move(addresses.why)}, addresses.ttl_ms};
    std::vector<std::string>& members = seen.naming.addresses;
    members.reserve(addresses.ips.size());
    for (const std::string& ip : addresses.ips) members.push_back(member_address(ip, port_));
    std::sort(members.begin(), members.end());
    members.erase(std::unique(members.begin(), members.end()), members.end());
    const SayOnce say = std::move(seen_);
    say(std::move(seen));
  }

  const std::string name_;
  const std::uint16_t port_;
  const std::vector<int> types_;
  SayOnce seen_;
  Lookup lookup_;
};

// Two messages, one for each family, are all that there is of a name.
static_assert(2 * 65535 / 16 <= kMostAddresses);

}  // namespace

std::unique_ptr<Look> look_at_name(Loop& loop, std::shared_ptr<Channel> channel, const Asking& asking,
                                   const std::string& name, std::uint16_t port, SayOnce seen) {
  return std::make_unique<NameLook>(loop, std::move(channel), asking, name, port, std::move(seen));
}

}  // namespace pinnate::discovery
