#include "simulator/run.h"

#include "simulator/check.h"
#include "simulator/mischief.h"
#include "simulator/rest.h"
#include "simulator/users.h"
#include "world/message_type.h"

#include <deque>

namespace pinnate::simulator {
namespace {

constexpr std::size_t kLastEvents = 40;
constexpr std::int64_t kLookEveryMs = 500;
constexpr std::int64_t kToldWithinMs = 360000;  // the longest backoff of a module that fails, 300 s, and a try

bool some_check_looks_at(std::uint8_t type) {
  switch (type) {
    case 2:  // Welcome
    case 3:  // Refuse
    case 8:  // Desired
    case 10:  // Context
    case 18:  // WantChunk
    case 19:  // ChunkBytes
    case 25:  // Published
    case 27:  // Done
    case 34:  // Call
    case 35:  // Returned
      return true;
    default:
      return false;
  }
}

sim::WorldOptions world_options(const Plan& plan) {
  sim::WorldOptions options;
  options.seed = plan.seed;
  options.network.through_mux = plan.through_mux;
  return options;
}

class Run {
 public:
  Run(const Plan& plan, const RunOptions& options)
      : plan_(plan),
        options_(options),
        world_(world_options(plan)),
        // The world is watched from its first event on.
        fleet_((
                   world_.trace().observer = [this](const sim::Occurrence& o) { look(o); }, plan_),
               world_),
        situation_{world_, plan_, fleet_, ledger_, excuses_, orders_},
        checks_(make_checks(situation_, [this](int promise, std::string what) { complain(promise, std::move(what)); })),
        users_(situation_),
        mischief_(situation_),
        rest_(situation_) {
    ready_ = true;
  }

  RunResult go() {
    world_.traffic().per_link = world_.traffic().per_chunk = false;
    for (step_ = 0; step_ < plan_.steps.size() && !result_.violation; ++step_) {
      if (plan_.skipped.contains(step_)) continue;
      const Step& step = plan_.steps[step_];
      world_.advance(step.wait_ms);
      if (result_.violation) break;
      const bool done = facts_of(step.act).kind == ActKind::workload ? users_.act(step) : mischief_.act(step);
      if (done) ++result_.counts[std::size_t(step.act)];
      if (step.source && mischief_.source(*step.source, step.source_draw)) ++result_.counts[std::size_t(*step.source)];
    }
    if (!result_.violation) come_to_rest();
    for (const Order& order : orders_) ++(order.kind == Order::Kind::call ? result_.calls : result_.publishes);
    count_what_came();
    result_.digest = world_.trace().digest_hex();
    result_.events = world_.events_run();
    result_.virtual_time = world_.now();
    result_.last_events.assign(last_.begin(), last_.end());
    return std::move(result_);
  }

 private:
  void count_what_came() {
    result_.came = result_.counts;
    const auto set = [&](Act act, std::uint64_t count) {
      if (result_.counts[std::size_t(act)] > 0) result_.came[std::size_t(act)] = count;
    };
    sim::Disk::FaultsSeen disks;
    std::uint64_t strays = 0, flipped = 0;
    for (sim::MachineId id = 0; id < world_.size(); ++id) {
      const sim::Disk::FaultsSeen& disk = world_.at(id).disk().faults_seen();
      disks.failed += disk.failed;
      disks.delayed += disk.delayed;
      disks.full += disk.full;
      strays += world_.at(id).strays_delivered();
      flipped += world_.flips(id).done;
    }
    set(Act::reset_at_byte, world_.network().cut_at_byte());
    set(Act::late_completion, disks.delayed);
    set(Act::failed_write, disks.failed);
    set(Act::disk_full, disks.full);
    set(Act::stray_completion, strays);
    set(Act::corrupt_chunks, flipped);
    const auto& modules = world_.modules().seen();
    set(Act::module_slow, modules[std::size_t(sim::Fate::well)]);
    set(Act::module_fails, modules[std::size_t(sim::Fate::fails)]);
    set(Act::module_hangs, modules[std::size_t(sim::Fate::hangs)]);
    set(Act::module_kills, modules[std::size_t(sim::Fate::kills)]);
  }

  void come_to_rest() {
    mischief_.stop();
    const sim::Micros stopped = world_.now();
    std::string why = "nothing was looked at";
    while (!result_.violation && world_.now() - stopped < rest_bound_ms(plan_) * sim::kMillisecond) {
      world_.advance(kLookEveryMs);
      why = rest_.not_converged();
      if (why.empty()) break;
    }
    if (!why.empty())
      complain(1, why + ", " + std::to_string((world_.now() - stopped) / sim::kSecond) + " s after the last fault");
    result_.rest_time = world_.now() - stopped;
    if (result_.violation) return;
    world_.advance(std::int64_t(plan_.forget_after_ms) + 4 * std::int64_t(plan_.heartbeat_ms) + 15000);
    if (result_.violation) return;
    if (why = rest_.not_converged(); !why.empty())
      return complain(1, why + ", though it was as it should be before and nothing happened since");
    if (why = rest_.not_told(kToldWithinMs); !why.empty()) return complain(1, why);
    if (why = rest_.counts_wrong(); !why.empty()) return complain(8, why);
    for (const auto& check : checks_) check->at_rest();
    if (!result_.violation) lose_one();
  }

  // An engine that falls silent is offline: neither failed nor live, and still known.
  void lose_one() {
    const auto engines = fleet_.engines();
    world_.crash(engines[plan_.seed % engines.size()]->name, sim::Machine::Crash::power_loss);
    world_.advance(5 * std::int64_t(plan_.heartbeat_ms) + 2000);
    if (const std::string why = rest_.counts_wrong(1); !why.empty()) complain(8, why);
  }

  void look(const sim::Occurrence& o) {
    if (options_.trace || options_.keep_last_events) write_down(o);
    if (!ready_ || result_.violation) return;
    if (!world_.breaches().empty()) {
      const std::string breach = world_.breaches().front();
      return complain(breach.find("service") == std::string::npos ? 0 : 4, breach);
    }
    Sight sight{o, o.host == sim::kNoMachine ? nullptr : fleet_.of_host(o.host), nullptr, sim::kNoMachine};
    if (sight.member && sight.member->kind == Member::Kind::controller) {
      if (const auto change = ledger_.look(world_.at(o.host).disk().image()))
        for (const auto& check : checks_) check->decided(*change);
    }
    std::optional<wire::Message> message;
    if ((o.what == sim::What::sent || o.what == sim::What::received) &&
        some_check_looks_at(sim::message_type(o.bytes))) {
      auto decoded = wire::decode(Buffer(std::string(o.bytes)));
      if (decoded.ok() && *decoded) message = std::move(**decoded);
      if (message) sight.message = &*message;
      if (o.number != tier::kHostLink) sight.peer = world_.network().peer(o.host, o.number);
    }
    for (const auto& check : checks_) check->look(sight);
  }

  void write_down(const sim::Occurrence& o) {
    const std::string line = sim::in_words(o, o.host == sim::kNoMachine ? "the world" : world_.at(o.host).name());
    if (options_.trace) options_.trace(line);
    // What only shows that time passes tells nothing about a violation.
    if (!options_.keep_last_events || result_.violation || o.what == sim::What::woke || o.what == sim::What::drained)
      return;
    if (o.what == sim::What::sent || o.what == sim::What::received) {
      const std::uint8_t type = sim::message_type(o.bytes);
      if (type == 4 || type == 5) return;  // Ping, Pong
    }
    last_.push_back(line);
    if (last_.size() > kLastEvents) last_.pop_front();
  }

  void complain(int promise, std::string what) {
    if (result_.violation) return;
    result_.violation = Violation{promise, std::move(what), step_, world_.now()};
  }

  const Plan plan_;
  const RunOptions& options_;
  RunResult result_;
  std::deque<std::string> last_;
  std::size_t step_ = 0;
  bool ready_ = false;
  sim::TestWorld world_;
  Ledger ledger_;
  Excuses excuses_;
  std::vector<Order> orders_;
  Fleet fleet_;
  Situation situation_;
  std::vector<std::unique_ptr<Check>> checks_;
  Users users_;
  Mischief mischief_;
  Rest rest_;
};

}  // namespace

std::int64_t rest_bound_ms(const Plan& plan) { return 30 * 60000 + 12 * std::int64_t(plan.heartbeat_ms); }

std::vector<std::unique_ptr<Check>> make_checks(Situation& situation, const Check::Complain& complain) {
  std::vector<std::unique_ptr<Check>> checks;
  for (const auto make : {make_only_what_was_published, make_never_back, make_acknowledged_is_kept, make_one_service,
                          make_one_outcome, make_bounded, make_once_per_link, make_one_id, make_never_cut})
    checks.push_back(make(situation, complain));
  return checks;
}

RunResult run(const Plan& plan, const RunOptions& options) { return Run(plan, options).go(); }

}  // namespace pinnate::simulator
