// What status costs the memory of one gateway: many engines, many releases, few of which select
// each engine.
#include "content/sha256.h"
#include "simulator/scale_clock.h"
#include "simulator/scale_fleet.h"
#include "simulator/scale_parts.h"
#include "tier/desired_state.h"

#include <malloc.h>

#include <algorithm>

namespace pinnate::simulator {
namespace {

constexpr std::uint32_t kReleases = 1000, kSelecting = 10;
constexpr double kLimitMib = 24;

std::uint64_t allocated() {
  const struct mallinfo2 now = mallinfo2();
  return now.uordblks + now.hblkhd;
}

// A gateway without a world around it: this is its links and its disk, which keeps nothing.
class LoneGateway {
 public:
  LoneGateway() {
    tier::GatewayOptions options;
    options.tier.id = "site";
    options.tier.incarnation = 1;
    gateway_ = tier::make_gateway(options);
    gateway_->start(now_, {});
    gateway_->keep_link(now_, tier::Side::upstream, "top");
    carry_out();
    gateway_->link_opened(now_, dialled_, {});
    greet(dialled_, wire::Role::controller, "top");
  }
  tier::LinkId engine(const std::string& id) {
    accepted_ += 2;
    gateway_->link_opened(now_, accepted_, {});
    greet(accepted_, wire::Role::engine, id);
    return accepted_;
  }
  tier::LinkId upstream() const { return dialled_; }
  void say(tier::LinkId link, const wire::Message& message) {
    gateway_->link_message(now_, link, wire::encode(message));
    carry_out();
  }
  void advance(std::int64_t ms) {
    now_.monotonic_ms += ms, now_.wall_ms += ms;
    gateway_->woke(now_);
    carry_out();
  }
  wire::StatusReport status() {
    wire::GetStatus get;
    get.id = 1;
    say(tier::kHostLink, get);
    return std::move(report_);
  }

 private:
  void greet(tier::LinkId link, wire::Role role, const std::string& id) {
    wire::Hello hello;
    hello.fleet = "default";
    hello.role = role;
    hello.id = id;
    hello.incarnation = 1;
    hello.platform = role == wire::Role::engine ? "linux-x86_64" : "";
    hello.heartbeat_ms = 5000;
    say(link, hello);
    say(link, wire::Welcome{});
  }
  void carry_out() {
    for (auto actions = gateway_->take_actions(); !actions.empty(); actions = gateway_->take_actions())
      for (tier::Action& action : actions) {
        if (const auto* dial = std::get_if<tier::Dial>(&action)) dialled_ = dial->link;
        if (const auto* commit = std::get_if<tier::Commit>(&action))
          gateway_->completed(now_, {commit->token, {}, {}, {}});
        const auto* send = std::get_if<tier::Send>(&action);
        if (!send || send->link != tier::kHostLink) continue;
        if (auto m = wire::decode(send->message); m.ok() && m->has_value())
          if (auto* report = std::get_if<wire::StatusReport>(&**m)) report_ = std::move(*report);
      }
  }

  std::unique_ptr<tier::Tier> gateway_;
  tier::Now now_{1000, 1700000000000};
  tier::LinkId dialled_ = 0, accepted_ = 0;
  wire::StatusReport report_;
};

}  // namespace

void scale_status(const ScaleOptions& options, ScaleReport* report) {
  const std::uint32_t engines = std::max(options.engines.value_or(1000), kReleases / kSelecting);
  const std::uint64_t before = allocated();
  LoneGateway gateway;
  tier::DesiredState state;
  wire::Desired desired;
  for (std::uint64_t number = 1; number <= kReleases; ++number) {
    content::Release release;
    release.number = number;
    release.epoch = 1;
    release.name = "function-" + std::to_string(number);
    release.version = "1.0.0";
    release.manifest = content::sha256(release.name);
    auto entry = *tier::DesiredState::make_entry(content::encode_release(release));
    desired.releases.push_back({entry.record, {}});
    state.decide(1, number, {}, {entry});
  }
  desired.position = state.position();
  gateway.say(gateway.upstream(), desired);

  // Each engine as it says so again and again: its releases become live one after another.
  for (std::uint32_t e = 0; e < engines; ++e) {
    const tier::LinkId link = gateway.engine("engine-" + std::to_string(e));
    wire::EngineStatus status;
    status.position = state.position();
    for (std::uint32_t i = 0; i < kSelecting; ++i) {
      const std::uint64_t number = 1 + (std::uint64_t(e) * kSelecting + i) % kReleases;
      status.rows.push_back({number, "function-" + std::to_string(number), "1.0.0", wire::Phase::live, true, ""});
    }
    gateway.say(link, status);
    if (e % 50 == 0) gateway.advance(100);
  }
  gateway.advance(2000);
  const std::uint64_t held = allocated() - before;

  const wire::StatusReport told = gateway.status();
  const std::uint64_t live = std::uint64_t(engines) * kSelecting / kReleases;
  const bool right = std::all_of(told.rows.begin(), told.rows.end(), [&](const wire::StatusRow& row) {
    return row.phases[std::size_t(wire::Phase::live)] == live &&
           row.phases[std::size_t(wire::Phase::not_selected)] == engines - live;
  });
  if (!right) report->broken("the counts of a release are not those of its engines");
  if (told.rows.size() != kReleases || told.online != engines)
    report->broken("not every release and engine is told of");
  report->say("a gateway with %u engines and %u releases, each engine selected by %u: %.1f MiB, %.1f resident at most",
              engines, kReleases, kSelecting, mib(held), mib(peak_memory()));
  report->reach("status.mib", mib(held), kLimitMib * engines / 1000);
}

}  // namespace pinnate::simulator
