// The tiers that a world is made of, as they ship.
#include "sim/world.h"

#include <utility>

namespace pinnate::sim {
namespace {

// A life's own seed and incarnation; all else is as configured.
template <class Options>
Host::Make maker(std::unique_ptr<tier::Tier> (*make)(Options), std::shared_ptr<const Options> options,
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
Host::Make maker(std::unique_ptr<tier::Tier> (*make)(Options), Options options, const std::string& name) {
  return maker(make, std::make_shared<const Options>(std::move(options)), name);
}

}  // namespace

Host& World::add_controller(const std::string& name, tier::ControllerOptions options, HostOptions host) {
  return add(name, host, maker(tier::make_controller, std::move(options), name));
}

Host& World::add_gateway(const std::string& name, tier::GatewayOptions options, HostOptions host) {
  return add(name, host, maker(tier::make_gateway, std::move(options), name));
}

Host& World::add_engine(const std::string& name, tier::EngineOptions options, HostOptions host) {
  host.has_modules = true;
  host.keeps_disk = options.durable;
  if (options.platform.empty()) options.platform = "linux-x86_64";
  if (!engine_options_ || *engine_options_ != options)
    engine_options_ = std::make_shared<const tier::EngineOptions>(std::move(options));
  return add(name, host, maker(tier::make_engine, engine_options_, name));
}

Host& World::add_client(const std::string& name, tier::ClientOptions options, HostOptions host) {
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

}  // namespace pinnate::sim
