#include "discovery/dns/host_name.h"
#include "discovery/dns/look.h"
#include "discovery/dns/lookup.h"
#include "discovery/source/source.h"

#include <arpa/nameser.h>

#include <map>
#include <set>

namespace pinnate::discovery {
namespace {

// Of the hosts of a service so many are asked for at a time: a burst of thousands would overrun the
// socket's buffer.
constexpr std::size_t kHostsAtOnce = 16;
// No host is begun later than this, so that a look ends, whatever servers say of whom.
constexpr std::int64_t kBeginLimitMs = 30000;

// Weight and priority count for nothing: all are members. An SRV record's time to live is not among
// what c-ares tells, so the answer holds for as long as the floor says.
class ServiceLook final : public Look {
 public:
  ServiceLook(Loop& loop, std::shared_ptr<Channel> channel, const Asking& asking, const std::string& name, SayOnce seen)
      : loop_(loop),
        channel_(std::move(channel)),
        name_(name),
        types_(address_types(asking)),
        begin_until_ms_(loop.monotonic_ms() + kBeginLimitMs),
        seen_(std::move(seen)),
        service_(std::make_unique<Lookup>(loop, channel_, name, std::vector<int>{ns_t_srv}, 0,
                                          [this](std::vector<Answer> answers) { found(std::move(answers.front())); })) {
  }

 private:
  struct Host {
    std::set<std::uint16_t> ports{};
    std::unique_ptr<Lookup> lookup{};  // while it runs
  };
  using Hosts = std::map<std::string, Host>;

  void found(Answer answer) {
    cut_ = answer.cut;
    switch (answer.kind) {
      case Answer::Kind::failed:
        return say(Naming::Answer::failed, answer.why);
      case Answer::Kind::no_name:
        return say(Naming::Answer::whole, "there is no name " + name_ + " (NXDOMAIN)");
      case Answer::Kind::nothing:
        return say(Naming::Answer::whole, name_ + " has no SRV record");
      case Answer::Kind::records:
        break;
    }
    for (const Answer::Service& service : answer.services)
      if (!service.host.empty()) hosts_[service.host].ports.insert(service.port);
    next_ = hosts_.begin();
    go_on();
  }

  void go_on() {
    while (next_ != hosts_.end() && running_ < kHostsAtOnce) begin(*next_++);
    if (running_ == 0) end();
  }

  void begin(Hosts::value_type& host) {
    if (host.second.ports.erase(0) > 0) unknown(host.first + " has port 0");
    if (const std::string wrong = wrong_with_host_name(host.first); !wrong.empty())
      return unknown("of a host " + wrong);
    if (host.second.ports.empty() || too_many_) return;
    if (loop_.monotonic_ms() > begin_until_ms_) return unknown(host.first + " was not asked for within 30 s");
    running_++;
    // The name of a host is a full one: a dot at its end keeps it from being searched for.
    host.second.lookup = std::make_unique<Lookup>(
        loop_, channel_, host.first + ".", types_, 0, [this, &host](std::vector<Answer> answers) {
          running_--;
          take(host.first, host.second.ports, addresses_of(host.first, types_, std::move(answers)));
          host.second.lookup.reset();
          go_on();
        });
  }

  void take(const std::string& host, const std::set<std::uint16_t>& ports, const Addresses& addresses) {
    if (addresses.answer != Naming::Answer::whole || addresses.ips.empty())
      unknown(addresses.why.empty() ? host + " has no address" : addresses.why);
    for (const std::uint16_t port : ports)
      for (const std::string& ip : addresses.ips) {
        if (members_.size() == kMostAddresses) {
          too_many_ = too_many_ || members_.count(member_address(ip, port)) == 0;
          if (too_many_) return;
        } else {
          members_.insert(member_address(ip, port));
        }
      }
  }

  // Of several reasons always the same is said, in whatever order they come.
  void unknown(const std::string& why) {
    if (why_unknown_.empty() || why < why_unknown_) why_unknown_ = why;
  }

  void end() {
    if (cut_)
      return say(Naming::Answer::incomplete,
                 "the answer for " + name_ + " is cut: " + std::to_string(hosts_.size()) + " hosts of more");
    if (too_many_)
      return say(Naming::Answer::incomplete, name_ + " has more than " + std::to_string(kMostAddresses) + " addresses");
    if (!why_unknown_.empty())
      return say(members_.empty() ? Naming::Answer::failed : Naming::Answer::incomplete,
                 "of " + std::to_string(hosts_.size()) + " hosts of " + name_ +
                     " not all addresses are known now: " + why_unknown_);
    say(Naming::Answer::whole, members_.empty() ? name_ + " says that there is no such service" : "");
  }

  void say(Naming::Answer answer, const std::string& why) {
    Seen seen{{answer, {members_.begin(), members_.end()}, {}, why}};
    const SayOnce say = std::move(seen_);
    say(std::move(seen));
  }

  Loop& loop_;
  const std::shared_ptr<Channel> channel_;
  const std::string name_;
  const std::vector<int> types_;
  const std::int64_t begin_until_ms_;
  SayOnce seen_;
  Hosts hosts_;
  Hosts::iterator next_;
  std::size_t running_ = 0;
  bool cut_ = false, too_many_ = false;
  std::string why_unknown_;
  std::set<std::string> members_;
  std::unique_ptr<Lookup> service_;
};

}  // namespace

std::unique_ptr<Look> look_at_service(Loop& loop, std::shared_ptr<Channel> channel, const Asking& asking,
                                      const std::string& name, SayOnce seen) {
  return std::make_unique<ServiceLook>(loop, std::move(channel), asking, name, std::move(seen));
}

}  // namespace pinnate::discovery
