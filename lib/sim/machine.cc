#include "sim/machine.h"

#include <algorithm>
#include <utility>

namespace pinnate::sim {
namespace {

constexpr std::int64_t kWallStartMs = 1767225600000;  // 2026-01-01
constexpr Micros kHostLatency = 20;
constexpr std::uint32_t kWakesAtOnce = 1000;

std::uint64_t seed_of_life(std::uint64_t world, MachineId host, std::uint32_t life) {
  return Random(world ^ (std::uint64_t(host) << 32 | life) * 0x9e3779b97f4a7c15u).next();
}

}  // namespace

Machine::Machine(std::string name, const MachineOptions& options, Surroundings& world, Make make)
    : name_(std::move(name)),
      options_(options),
      world_(world),
      make_(std::move(make)),
      id_(world.network.attach(this, options.extra_latency)),
      disk_(options.keeps_disk, world.disk_times, world.queue, world.random, world.verifier),
      boot_ms_(std::int64_t(world.random.below(1000000))),
      wall_skew_ms_(options.wall_skew_ms) {
  if (options_.listens) world_.network.listen(id_, name_);
}

tier::Now Machine::now() const {
  const std::int64_t ms = world_.queue.now() / kMillisecond;
  return {ms + boot_ms_, kWallStartMs + ms + wall_skew_ms_};
}

void Machine::note(What what, std::uint64_t number, std::string_view words, std::string_view bytes, Code code,
                   std::uint64_t amount) {
  if (world_.observer) world_.observer({world_.queue.now(), id_, what, number, code, words, bytes, amount});
}

// ---- life ---------------------------------------------------------------------------------------

void Machine::start() {
  if (tier_) return breach("was started while it runs");
  ++life_;
  closing_ = false;
  armed_ = -1;
  const std::uint64_t seed = seed_of_life(world_.seed, id_, life_);
  note(What::started, life_);
  tier_ = make_(seed, Random(seed).next());
  if (!tier_) return breach("could not be made: its options are wrong");
  if (options_.has_modules)
    modules_ =
        std::make_unique<ModuleHost>(id_, static_cast<EngineHost&>(*this), disk_, world_.modules, world_.verifier);
  world_.network.set_power(id_, Network::Power::on);
  Restored restored = disk_.restore();
  restored.deaths = black_box_.deaths();
  tell([&](tier::Tier& t, tier::Now at) { t.start(at, std::move(restored)); });
  for (const auto& [side, address] : kept_links_)
    tell([&](tier::Tier& t, tier::Now at) { t.keep_link(at, side, address); });
  for (const auto& [source, naming] : kept_namings_) name_members(source, naming);
  const auto strays = std::exchange(strays_, {}), of_modules = std::exchange(module_strays_, {});
  if (!deliver_strays_) return;
  for (tier::Token token : strays) deliver_stray(token, Micros(world_.random.below(20)) * kMillisecond);
  for (tier::Token token : of_modules) deliver_stray(token, Micros(token % 20) * kMillisecond);
}

void Machine::deliver_stray(tier::Token token, Micros delay) {
  later(delay, [this, token] {
    ++strays_delivered_;
    tier::Completion stray;
    stray.token = token;
    answer(std::move(stray));
  });
}

void Machine::crash(Crash how) {
  if (!tier_) {
    if (how == Crash::power_loss) world_.network.set_power(id_, Network::Power::off);
    return;
  }
  const bool power = how == Crash::power_loss;
  note(What::ended, life_, power ? "by loss of power" : "by a kill");
  end(true, power ? Network::Power::off : Network::Power::no_process, power);
  // A machine that boots again counts its monotonic time from then.
  if (power) boot_ms_ = 1000 - world_.queue.now() / kMillisecond;
}

void Machine::end(bool died, Network::Power power, bool power_lost) {
  if (modules_ && options_.keeps_disk && died) black_box_.died(modules_->inside(), modules_->young());
  tier_.reset();
  modules_.reset();
  armed_ = -1;
  world_.network.set_power(id_, power);
  strays_.clear();
  disk_.crash(power_lost, &strays_);
  module_strays_ = std::exchange(module_orders_, {});
}

void Machine::close() {
  if (!tier_ || closing_) return;
  closing_ = true;
  tell([](tier::Tier& t, tier::Now at) { t.close(at); });
}

// ---- reports to the tier ------------------------------------------------------------------------

template <class F>
void Machine::tell(F&& report) {
  if (!tier_) return;
  tier_->lend_room(std::exchange(world_.room, {}));
  report(*tier_, now());
  std::vector<tier::Action> actions = tier_->take_actions();
  for (tier::Action& action : actions) std::visit([this](auto& a) { act(a); }, action);
  actions.clear();
  world_.room = std::move(actions);
  arm();
  if (closing_ && tier_->closed()) {
    later(0, [this] {
      if (!tier_ || !closing_) return;
      note(What::ended, life_, "well");
      end(false, Network::Power::no_process, false);
    });
  }
}

void Machine::link_opened(tier::LinkId link, const tier::PeerFacts& facts) {
  note(What::link_opened, link);
  tell([&](tier::Tier& t, tier::Now at) { t.link_opened(at, link, facts); });
}

void Machine::link_message(tier::LinkId link, Buffer message) {
  note(What::received, link, {}, message.view());
  tell([&](tier::Tier& t, tier::Now at) { t.link_message(at, link, std::move(message)); });
}

void Machine::link_heard(tier::LinkId link) {
  tell([&](tier::Tier& t, tier::Now at) { t.link_heard(at, link); });
}

void Machine::link_drained(tier::LinkId link, tier::Drained drained) {
  if (drained.bulk > 0) note(What::drained, link, {}, {}, PINNATE_OK, drained.bulk);
  tell([&](tier::Tier& t, tier::Now at) { t.link_drained(at, link, drained); });
}

void Machine::link_closed(tier::LinkId link, Status why) {
  note(What::link_closed, link, why.message());
  tell([&](tier::Tier& t, tier::Now at) { t.link_closed(at, link, std::move(why)); });
}

void Machine::answer(tier::Completion completion) {
  std::erase(module_orders_, completion.token);
  note(What::completed, completion.token, completion.status.message(), completion.bytes.view(),
       completion.status.code());
  tell([&](tier::Tier& t, tier::Now at) { t.completed(at, std::move(completion)); });
}

void Machine::keep_link(tier::Side side, const std::string& address) {
  kept_links_.emplace_back(side, address);
  tell([&](tier::Tier& t, tier::Now at) { t.keep_link(at, side, address); });
}

void Machine::keep_naming(const std::string& source, const Naming& naming) {
  kept_namings_[source] = naming;
  if (up()) name_members(source, naming);
}

void Machine::name_members(const std::string& source, std::optional<Naming> naming) {
  tell([&](tier::Tier& t, tier::Now at) { t.name_members(at, source, std::move(naming)); });
}

void Machine::host_message(const wire::Message& message) {
  later(kHostLatency, [this, bytes = wire::encode(message)] { link_message(tier::kHostLink, bytes); });
}

// ---- time ---------------------------------------------------------------------------------------

void Machine::arm() {
  const std::int64_t next = tier_->next_wake_ms();
  if (next == tier::kNever) return;
  const Micros when = std::max((next - boot_ms_) * kMillisecond, world_.queue.now());
  if (armed_ >= 0 && armed_ <= when) return;
  armed_ = when;
  later(when - world_.queue.now(), [this, when] { rang(when); });
}

void Machine::rang(Micros when) {
  if (armed_ != when) return;  // another was armed for earlier
  armed_ = -1;
  if (tier_->next_wake_ms() > now().monotonic_ms) return arm();
  woke_in_a_row_ = last_woke_ == when ? woke_in_a_row_ + 1 : 0;
  last_woke_ = when;
  if (woke_in_a_row_ > kWakesAtOnce) {
    breach("asks to be woken again and again at one time");
    woke_in_a_row_ = 0;
    return later(kMillisecond, [this] { arm(); });
  }
  note(What::woke);
  tell([](tier::Tier& t, tier::Now at) { t.woke(at); });
}

// ---- EngineHost ---------------------------------------------------------------------------------

void Machine::later(Micros delay, std::function<void()> work) {
  world_.queue.after(delay, [this, life = life_, work = std::move(work)] {
    if (tier_ && life_ == life) work();
  });
}

void Machine::die(std::string why) { world_.on_death(id_, std::move(why)); }

void Machine::breach(std::string what) { world_.on_breach(id_, std::move(what)); }

}  // namespace pinnate::sim
