#include "discovery/dns/names.h"

#include "discovery/dns/host_name.h"
#include "discovery/dns/lookup.h"
#include "discovery/dns/resolver.h"

#include <arpa/inet.h>

#include <list>
#include <optional>
#include <utility>

namespace pinnate::discovery {
namespace {

constexpr std::int64_t kLookUpLimitMs = 10000;
// Some name servers never answer for one of the families. Who has the other need not wait for that.
constexpr std::int64_t kOtherFamilyMs = 1000;

using Found = Result<std::vector<std::string>>;
using Done = std::function<void(Found)>;

class HostNames final : public Names {
 public:
  HostNames(Loop& loop, Asking asking)
      : loop_(loop), types_(address_types(asking)), resolver_(loop, {}, std::move(asking)) {}

  bool open() { return resolver_.channel() != nullptr; }

  void look_up(const std::string& host, Done done) override {
    running_.emplace_front();
    const auto running = running_.begin();
    running->done = std::move(done);
    running->timer = loop_.timer([this, running] { ring(running); });
    running->timer->set_in(kLookUpLimitMs);
    begin(host, running);
  }

 private:
  struct Running {
    Done done{};
    std::unique_ptr<Timer> timer{};  // until `found` is said, or the limit of the look-up
    std::optional<Found> found{};
    std::unique_ptr<Lookup> lookup{};
  };
  using Place = std::list<Running>::iterator;

  void begin(const std::string& host, Place running) {
    unsigned char bytes[16];
    if (inet_pton(AF_INET, host.c_str(), bytes) == 1 || inet_pton(AF_INET6, host.c_str(), bytes) == 1)
      return say_soon(running, std::vector<std::string>{host});
    if (const std::string wrong = wrong_with_host_name(host); !wrong.empty())
      return say_soon(running, Status(PINNATE_INVALID, wrong));
    const std::shared_ptr<Channel> channel = resolver_.channel();
    if (!channel) return say_soon(running, Status(PINNATE_UNREACHABLE, "c-ares opens no channel to name servers"));
    if (std::vector<std::string> known = channel->in_hosts_file(host); !known.empty())
      return say_soon(running, std::move(known));
    running->lookup = std::make_unique<Lookup>(
        loop_, channel, host, types_, kOtherFamilyMs,
        [this, host, running](std::vector<Answer> answers) { answered(host, running, std::move(answers)); });
  }

  void answered(const std::string& host, Place running, std::vector<Answer> answers) {
    Addresses found = addresses_of(host, types_, std::move(answers));
    if (!found.ips.empty()) return say(running, std::move(found.ips));
    if (found.answer == Naming::Answer::failed) resolver_.failed();
    say(running, Status(PINNATE_UNREACHABLE, found.why));
  }

  void say_soon(Place running, Found found) {
    running->found = std::move(found);
    running->timer->set_in(0);
  }

  void ring(Place running) {
    if (running->found) return say(running, std::move(*running->found));
    running->lookup->give_up();
  }

  void say(Place running, Found found) {
    std::list<Running> ended;
    ended.splice(ended.begin(), running_, running);
    ended.front().done(std::move(found));
  }

  Loop& loop_;
  const std::vector<int> types_;
  Resolver resolver_;
  std::list<Running> running_;
};

}  // namespace

std::unique_ptr<Names> Names::make(Loop& loop) { return make(loop, Asking{}); }

std::unique_ptr<Names> Names::make(Loop& loop, Asking asking) {
  auto names = std::make_unique<HostNames>(loop, std::move(asking));
  return names->open() ? std::move(names) : nullptr;
}

}  // namespace pinnate::discovery
