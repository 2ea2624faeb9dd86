#include "sim/world.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace pinnate::sim {
namespace {

// A life's own seed and incarnation; all else is as configured.
template <class Options>
Machine::Make maker(std::unique_ptr<tier::Tier> (*make)(Options), std::shared_ptr<const Options> options,
                    const std::string& name) {
  return [make, options = std::move(options), name](std::uint64_t seed, std::uint64_t incarnation) {
    Options life = *options;
    if (life.tier.id.empty()) life.tier.id = name;
    life.tier.seed = seed;
    life.tier.incarnation = incarnation;
    return make(std::move(life));
  };
}

template <class Options>
Machine::Make maker(std::unique_ptr<tier::Tier> (*make)(Options), Options options, const std::string& name) {
  return maker(make, std::make_shared<const Options>(std::move(options)), name);
}

}  // namespace

World::World(const WorldOptions& options)
    : options_(options),
      random_(options.seed),
      network_(options.network, queue_, random_),
      surroundings_{options.seed,
                    queue_,
                    network_,
                    observer,
                    random_,
                    verifier_,
                    modules_,
                    options_.disk,
                    [this](MachineId id, std::string why) {
                      Machine& host = at(id);
                      note_fault(id, "a module kills it, " + why);
                      host.crash(Machine::Crash::kill);
                      if (host.options().respawn_after < 0) return;
                      queue_.after(host.options().respawn_after, [&host, life = host.lives()] {
                        if (!host.up() && host.lives() == life && host.options().respawn_after >= 0) host.start();
                      });
                    },
                    [this](MachineId id, std::string what) { breaches_.push_back(at(id).name() + " " + what); },
                    on_log,
                    [this](MachineId id, const wire::Message& message) { return publisher_of(id).received(message); },
                    alter_sent} {}

// ---- tiers --------------------------------------------------------------------------------------

Machine& World::add(const std::string& name, const MachineOptions& options, Machine::Make make) {
  if (names_.count(name)) throw std::invalid_argument("two tiers are named " + name);
  hosts_.push_back(std::make_unique<Machine>(name, options, surroundings_, std::move(make)));
  Machine& host = *hosts_.back();
  names_.emplace(name, host.id());
  host.start();
  return host;
}

Machine& World::add_controller(const std::string& name, tier::ControllerOptions options, MachineOptions host) {
  return add(name, host, maker(tier::make_controller, std::move(options), name));
}

Machine& World::add_gateway(const std::string& name, tier::GatewayOptions options, MachineOptions host) {
  return add(name, host, maker(tier::make_gateway, std::move(options), name));
}

Machine& World::add_engine(const std::string& name, tier::EngineOptions options, MachineOptions host) {
  host.has_modules = true;
  host.keeps_disk = options.durable;
  if (options.platform.empty()) options.platform = "linux-x86_64";
  if (!engine_options_ || *engine_options_ != options)
    engine_options_ = std::make_shared<const tier::EngineOptions>(std::move(options));
  return add(name, host, maker(tier::make_engine, engine_options_, name));
}

Machine& World::add_client(const std::string& name, tier::ClientOptions options, MachineOptions host) {
  host.keeps_disk = false;
  return add(name, host, maker(tier::make_client, std::move(options), name));
}

void World::reconfigure_gateway(std::string_view name, tier::GatewayOptions options) {
  at(name).set_make(maker(tier::make_gateway, std::move(options), std::string(name)));
}

void World::reconfigure_engine(std::string_view name, tier::EngineOptions options) {
  if (options.platform.empty()) options.platform = "linux-x86_64";
  at(name).set_make(maker(tier::make_engine, std::move(options), std::string(name)));
}

void World::dial_up(std::string_view lower, const std::string& upper) {
  at(lower).keep_link(tier::Side::upstream, upper);
}

Machine& World::at(std::string_view tier) {
  const auto found = names_.find(tier);
  if (found == names_.end()) throw std::invalid_argument("no tier is named " + std::string(tier));
  return *hosts_[found->second];
}

const Machine& World::at(std::string_view tier) const { return const_cast<World*>(this)->at(tier); }

// ---- time ---------------------------------------------------------------------------------------

void World::advance(std::int64_t ms) {
  const Micros until = queue_.now() + ms * kMillisecond;
  while (queue_.run_next(until)) {
  }
}

bool World::run_until(const std::function<bool()>& holds, std::int64_t limit_ms) {
  const Micros until = queue_.now() + limit_ms * kMillisecond;
  while (!holds()) {
    if (queue_.now() >= until) return false;
    // To the next event, whenever that is, and through the rest of its millisecond.
    if (!queue_.run_next(until)) continue;
    const Micros slice = std::min(until, (queue_.now() / kMillisecond + 1) * kMillisecond);
    while (queue_.run_next(slice)) {
    }
  }
  return true;
}

// ---- the process around a tier ------------------------------------------------------------------

std::uint64_t World::publish(MachineId tier, const Shelf::Book& book, const std::string& selector, Buffer config,
                             std::vector<std::string> needs) {
  const std::uint64_t id = ++last_request_;
  publisher_of(tier).publish(id, book, selector, std::move(config), std::move(needs));
  return id;
}

ShelfPublisher& World::publisher_of(MachineId id) {
  Machine& host = at(id);
  Publishing& now = publishing_[id];
  if (!now.publisher || now.life != host.lives())
    now = {host.lives(), std::make_unique<ShelfPublisher>(host, publishers_read)};
  return *now.publisher;
}

void World::note_fault(MachineId host, std::string_view words) {
  if (observer) observer({queue_.now(), host, What::fault, 0, PINNATE_OK, words, {}});
}

}  // namespace pinnate::sim
