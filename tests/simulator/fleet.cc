#include "simulator/fleet.h"

#include <algorithm>

namespace pinnate::simulator {
namespace {

const char* const kRings[] = {"a", "b", "c"};
const char* const kRegions[] = {"north", "south"};

}  // namespace

Fleet::Fleet(const Plan& plan, sim::TestWorld& world) : plan_(plan), world_(world) {
  Random random(plan.seed * 4 + 0x7f4a7c15), naming(plan.seed * 4 + 0x6a09e667);
  const auto draw_labels = [&](Member& m) {
    if (m.kind == Member::Kind::gateway && random.one_in(2)) m.labels["region"] = kRegions[random.below(2)];
    if (m.kind == Member::Kind::engine && random.one_in(2)) m.labels["ring"] = kRings[random.below(3)];
  };
  add({Member::Kind::controller, kController, kController, "", {}, true});
  add({Member::Kind::client, kClient, kClient, kController, {}});

  std::vector<std::string> level = {kController};
  for (std::uint32_t depth = 0; depth < plan.depth; ++depth) {
    std::vector<std::string> next;
    for (const std::string& parent : level) {
      for (std::uint32_t i = 0; i < (depth == 0 ? plan.nodes : plan.clusters); ++i) {
        Member m;
        m.kind = Member::Kind::gateway;
        m.name = m.id = depth == 0 ? "s" + std::to_string(i) : parent + ".k" + std::to_string(i);
        m.parent = parent;
        m.durable = true;
        m.dialled_from_above = random.one_in(5);
        m.named = depth > 0 && naming.one_in(4) && !m.dialled_from_above;
        draw_labels(m);
        next.push_back(add(std::move(m)).name);
      }
    }
    level = std::move(next);
  }
  lowest_ = level;
  for (const std::string& gateway : lowest_) {
    for (std::uint32_t i = 0; i < plan.engines; ++i) {
      Member m;
      m.name = m.id = gateway + ".e" + std::to_string(i);
      m.parent = gateway;
      m.durable = !random.one_in(3);
      m.dialled_from_above = random.one_in(5);
      m.named = naming.one_in(3) && !m.dialled_from_above;
      draw_labels(m);
      add(std::move(m));
    }
  }
}

// ---- options ------------------------------------------------------------------------------------

tier::TierOptions Fleet::tier_options(const Member& member) const {
  tier::TierOptions options;
  options.id = member.id;
  options.labels = member.labels;
  options.heartbeat_ms = plan_.heartbeat_ms;
  return options;
}

tier::EngineOptions Fleet::engine_options(const Member& member) const {
  tier::EngineOptions options;
  options.tier = tier_options(member);
  options.platform = "linux-x86_64";
  options.durable = member.durable;
  return options;
}

tier::GatewayOptions Fleet::gateway_options(const Member& member) const {
  tier::GatewayOptions options;
  options.tier = tier_options(member);
  options.forget_after_ms = plan_.forget_after_ms;
  options.member_hold_ms = 2000;  // so that it is over while faults last
  return options;
}

Member& Fleet::add(Member member) {
  members_.push_back(std::move(member));
  Member& m = members_.back();
  sim::Machine* host = nullptr;
  switch (m.kind) {
    case Member::Kind::controller: {
      tier::ControllerOptions options;
      options.tier = tier_options(m);
      options.forget_after_ms = plan_.forget_after_ms;
      host = &world_.add_controller(m.name, options);
      break;
    }
    case Member::Kind::gateway:
      host = &world_.add_gateway(m.name, gateway_options(m));
      break;
    case Member::Kind::engine:
      host = &world_.add_engine(m.name, engine_options(m));
      break;
    case Member::Kind::client: {
      tier::ClientOptions options;
      options.tier = tier_options(m);
      host = &world_.add_client(m.name, options);
      break;
    }
  }
  m.host = host->id();
  by_host_.resize(std::max<std::size_t>(by_host_.size(), m.host + 1));
  by_host_[m.host] = &m;
  link(m);
  return m;
}

void Fleet::link(const Member& member) {
  if (member.parent.empty()) return;
  if (member.named)
    names_changed(member.parent);
  else if (member.dialled_from_above)
    world_.dial_down(member.parent, member.name);
  else
    world_.dial_up(member.name, member.parent);
}

// ---- who ----------------------------------------------------------------------------------------

const Member* Fleet::find(const std::string& name) const {
  const auto at = std::find_if(members_.begin(), members_.end(), [&](const Member& m) { return m.name == name; });
  return at == members_.end() ? nullptr : &*at;
}

std::vector<const Member*> Fleet::gateways() const {
  std::vector<const Member*> found;
  for (const Member& m : members_)
    if (m.kind == Member::Kind::gateway) found.push_back(&m);
  return found;
}

std::vector<const Member*> Fleet::lowest_gateways() const {
  std::vector<const Member*> found;
  for (const std::string& name : lowest_) found.push_back(find(name));
  return found;
}

std::vector<const Member*> Fleet::engines() const {
  std::vector<const Member*> found;
  for (const Member& m : members_)
    if (m.kind == Member::Kind::engine && !m.gone && !m.twin) found.push_back(&m);
  return found;
}

std::vector<const Member*> Fleet::tiers() const {
  std::vector<const Member*> found;
  for (const Member& m : members_)
    if (m.kind != Member::Kind::client && !m.gone) found.push_back(&m);
  return found;
}

std::vector<std::string> Fleet::below(const std::string& gateway) const {
  std::vector<std::string> names = {gateway};
  for (const Member& m : members_)  // a parent comes before those below it
    if (!m.gone && std::find(names.begin(), names.end(), m.parent) != names.end()) names.push_back(m.name);
  return names;
}

Labels Fleet::labels_of(const Member& engine) const {
  Labels labels = engine.labels;
  for (const Member* above = find(engine.parent); above; above = find(above->parent))
    labels.insert(above->labels.begin(), above->labels.end());
  return labels;
}

std::vector<std::string> Fleet::with_sources() const {
  std::vector<std::string> gateways;
  for (const auto& [gateway, source] : sources_) gateways.push_back(gateway);
  return gateways;
}

std::vector<std::string> Fleet::named_below(const std::string& gateway) const {
  std::vector<std::string> names;
  for (const Member& m : members_)
    if (m.named && !m.gone && m.parent == gateway) names.push_back(m.name);
  return names;
}

bool Fleet::all_known(const std::string& gateway) const {
  const Source& source = sources_.at(gateway);
  const auto& records = world_.at(gateway).disk().image().records;
  const auto record = records.find("members");
  const auto kept = [&](const std::string& name) {
    return record != records.end() && record->second.view().find("\n" + name + "\n") != std::string_view::npos;
  };
  return source.told == named_below(gateway) && std::all_of(source.told.begin(), source.told.end(), kept);
}

// ---- changes ------------------------------------------------------------------------------------

void Fleet::lie(const std::string& gateway, const std::vector<Naming>& said) {
  sources_.at(gateway).lies = true;
  for (const Naming& naming : said) world_.at(gateway).keep_naming("dns", naming);
}

void Fleet::tell_truth(const std::string& gateway) {
  Source& source = sources_[gateway];
  source = {named_below(gateway), false};
  world_.at(gateway).keep_naming("dns", {Naming::Answer::whole, source.told, {}, {}});
}

void Fleet::names_changed(const std::string& gateway) {
  if (!sources_[gateway].lies) tell_truth(gateway);
}

const Member& Fleet::replace(const Member& engine) {
  Member fresh = engine;
  mutable_member(engine).gone = true;
  if (engine.named) names_changed(engine.parent);
  world_.at(engine.host).end_respawns();
  world_.crash(engine.name);
  world_.network().end_listening(engine.name);
  fresh.name = fresh.id = engine.parent + ".n" + std::to_string(newcomers_++);
  fresh.gone = false;
  fresh.dialled_from_above = false;
  return add(std::move(fresh));
}

const Member& Fleet::add_twin(const Member& engine) {
  Member twin = engine;
  twin.name = engine.parent + ".t" + std::to_string(newcomers_++);
  twin.twin = true;
  twin.durable = false;
  twin.named = false;
  twin.dialled_from_above = false;
  return add(std::move(twin));
}

void Fleet::end_twin(const Member& twin) {
  mutable_member(twin).gone = true;
  world_.at(twin.host).end_respawns();
  world_.crash(twin.name);
}

void Fleet::move(const Member& engine, const std::string& gateway) {
  Member& m = mutable_member(engine);
  m.parent = gateway;
  m.dialled_from_above = false;
  if (up(m)) world_.crash(m.name);
  world_.at(m.host).set_links({{tier::Side::upstream, gateway}});
  world_.restart(m.name);
}

void Fleet::relabel(const Member& tier, Random& random) {
  Member& m = mutable_member(tier);
  if (up(m)) world_.crash(m.name);
  if (m.kind == Member::Kind::gateway) {
    m.labels["region"] = kRegions[random.below(2)];
    world_.reconfigure_gateway(m.name, gateway_options(m));
  } else {
    m.labels["ring"] = kRings[random.below(3)];
    world_.reconfigure_engine(m.name, engine_options(m));
  }
  world_.restart(m.name);
}

}  // namespace pinnate::simulator
