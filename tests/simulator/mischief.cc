#include "simulator/mischief.h"

#include <algorithm>
#include <iterator>

namespace pinnate::simulator {
namespace {

constexpr std::int64_t kHourMs = 3600000;
constexpr std::size_t kCopies = 4;

sim::Step draw_step(Random& random) {
  constexpr sim::Step steps[] = {sim::Step::load, sim::Step::create, sim::Step::health, sim::Step::call,
                                 sim::Step::destroy};
  return steps[random.below(std::size(steps))];
}

}  // namespace

const Member& Mischief::any_tier(Random& random) const {
  const auto tiers = s_.fleet.tiers();
  return *tiers[random.below(tiers.size())];
}

const Member* Mischief::any_engine(Random& random) const {
  const auto engines = s_.fleet.engines();
  return engines.empty() ? nullptr : engines[random.below(engines.size())];
}

bool Mischief::act(const Step& step) {
  Random random(step.draws[0]);
  // A copy of the controller's disk, now and then: one of them may be put back.
  if (step.draws[1] % 5 == 0 && copies_.size() < kCopies && s_.world.at(kController).disk().orders_under_way() == 0)
    copies_.push_back({s_.world.backup(kController)});
  switch (step.act) {
    case Act::reset:
    case Act::reset_at_byte:
    case Act::half_open:
    case Act::stall:
    case Act::slow:
      return between(step.act, random);
    case Act::partition_site:
    case Act::partition_cluster: {
      auto gateways = s_.fleet.gateways();
      const bool site = step.act == Act::partition_site;
      std::erase_if(gateways, [&](const Member* m) { return (m->parent == kController) != site; });
      if (gateways.empty()) return false;  // no clusters in this fleet
      s_.world.partition(s_.fleet.below(gateways[random.below(gateways.size())]->name));
      return true;
    }
    case Act::kill:
    case Act::power_loss:
    case Act::week_off:
      return end_life(step.act, random);
    case Act::late_completion:
    case Act::failed_write:
    case Act::stray_completion:
    case Act::disk_full:
      return disk(step.act, random);
    case Act::cache_lost:
    case Act::cache_truncated:
    case Act::cache_flipped:
    case Act::cache_forged:
      return cache(step.act, random);
    case Act::clock_jump:
      s_.world.clock_jump(any_tier(random).name, std::int64_t(random.below(10 * kHourMs)) - 5 * kHourMs);
      return true;
    case Act::engine_replaced:
    case Act::engine_twin:
    case Act::engine_moved:
    case Act::address_reused:
      return engine(step.act, random);
    case Act::module_fails:
    case Act::module_hangs:
    case Act::module_kills:
    case Act::module_slow:
      return module(step.act, random);
    case Act::corrupt_chunks: {
      const Member& m = any_tier(random);
      if (m.kind == Member::Kind::engine) return false;  // nobody asks it for chunks
      const std::uint32_t count = 1 + std::uint32_t(random.below(3));
      s_.world.flip_sent_chunks(m.name, count);
      return true;
    }
    case Act::old_backup:
      return backup(random);
    case Act::relief:
      return relief(random);
    default:
      return false;
  }
}

bool Mischief::source(Act act, std::uint64_t draw) {
  Random random(draw);
  std::vector<std::string> gateways = s_.fleet.with_sources();
  if (gateways.empty()) return false;
  const std::string& gateway = gateways[random.below(gateways.size())];
  std::vector<std::string> some;
  switch (act) {
    case Act::source_incomplete:
      for (const std::string& name : s_.fleet.named_below(gateway))
        if (random.one_in(2)) some.push_back(name);
      s_.fleet.lie(gateway, {{Naming::Answer::incomplete, some, {}, "cut short"}});
      return true;
    case Act::source_empty:
      s_.fleet.lie(gateway, {{Naming::Answer::whole, {}, {}, {}}, {Naming::Answer::failed, {}, {}, "no answer"}});
      return true;
    default:
      s_.fleet.lie(gateway, {{Naming::Answer::failed, {}, {}, "no answer"}});
      return true;
  }
}

bool Mischief::between(Act act, Random& random) {
  // Between a tier and the one above it, most of all; that is where links are.
  const auto tiers = s_.fleet.tiers();
  const Member& lower = *tiers[random.below(tiers.size())];
  if (lower.parent.empty()) return false;
  std::string a = lower.name, b = lower.parent;
  if (random.one_in(2)) std::swap(a, b);
  if (s_.world.network().peer_links(s_.world.at(a).id(), s_.world.at(b).id()) == 0) return false;
  switch (act) {
    case Act::reset:
      s_.world.cut(a, b);
      return true;
    case Act::reset_at_byte:
      s_.world.cut_after(a, b, random.below(random.one_in(2) ? 2000 : 200000));
      return true;
    case Act::half_open:
      s_.world.half_open(a, b);
      return true;
    case Act::stall:
      s_.world.stall(a, b);
      return true;
    default:
      s_.world.limit(a, b, 2000 + random.below(random.one_in(2) ? 20000 : 500000));
      return true;
  }
}

bool Mischief::end_life(Act act, Random& random) {
  const Member& m = act == Act::week_off ? *any_engine(random) : any_tier(random);
  if (act == Act::week_off) {
    if (s_.fleet.up(m)) s_.world.crash(m.name, sim::Machine::Crash::power_loss);
    s_.world.advance(7 * 24 * kHourMs);
    s_.world.restart(m.name);
    return true;
  }
  const bool ended = s_.fleet.up(m), started = random.one_in(2);
  if (ended) s_.world.crash(m.name, act == Act::kill ? sim::Machine::Crash::kill : sim::Machine::Crash::power_loss);
  if (started) s_.world.restart(m.name);  // at once; else when somebody comes to it
  return ended || (act == Act::kill && started);
}

bool Mischief::disk(Act act, Random& random) {
  const Member& m = any_tier(random);
  const auto count = 1 + std::uint32_t(random.below(4));
  if (act == Act::stray_completion) {
    s_.world.deliver_strays(m.name);
    return true;
  }
  s_.excuses.disk_misbehaved[m.host] = true;
  if (act == Act::disk_full)
    s_.world.disk_full(m.name, true);
  else if (act == Act::failed_write)
    s_.world.fail_orders(m.name, count);
  else
    s_.world.delay_orders(m.name, count, std::int64_t(20 + random.below(3000)));
  return true;
}

bool Mischief::cache(Act act, Random& random) {
  // Of gateways and engines: what the controller was given to keep it must keep.
  std::vector<const Member*> holding;
  for (const Member* m : s_.fleet.tiers())
    if (m->kind != Member::Kind::controller && !s_.world.at(m->host).disk().image().artifacts.empty())
      holding.push_back(m);
  if (holding.empty()) return false;
  const Member& m = *holding[random.below(holding.size())];
  const auto& artifacts = s_.world.at(m.host).disk().image().artifacts;
  const auto& artifact = artifacts[random.below(artifacts.size())];
  if (artifact.chunks.empty()) return false;
  const std::uint32_t index = artifact.chunks[random.below(artifact.chunks.size())].index;
  const auto damage = act == Act::cache_lost        ? sim::Damage::gone
                      : act == Act::cache_truncated ? sim::Damage::cut_short
                      : act == Act::cache_flipped   ? sim::Damage::flipped
                                                    : sim::Damage::forged;
  s_.excuses.damaged_chunks.emplace(m.host, artifact.digest, index);
  return s_.world.corrupt_chunk(m.name, Digest(artifact.digest), index, damage);
}

bool Mischief::engine(Act act, Random& random) {
  const Member* m = any_engine(random);
  if (!m) return false;
  switch (act) {
    case Act::engine_replaced:
      s_.fleet.replace(*m);
      return true;
    case Act::engine_twin:
      s_.fleet.add_twin(*m);
      return true;
    case Act::engine_moved: {
      const auto gateways = s_.fleet.lowest_gateways();
      if (gateways.size() < 2 || m->dialled_from_above || m->named) return false;  // it is fetched back
      const std::string from = m->parent, to = gateways[random.below(gateways.size())]->name;
      s_.fleet.move(*m, to);
      return to != from;  // else it was a restart
    }
    default: {
      if (!m->dialled_from_above && !m->named) return false;
      if (s_.fleet.up(*m)) s_.world.crash(m->name);
      tier::EngineOptions options;
      options.tier.fleet = "other";
      options.tier.id = m->id;
      const std::string stranger = "stranger" + std::to_string(strangers_++);
      s_.world.add_engine(stranger, options);
      s_.world.move_address(m->name, stranger);
      addresses_.push_back(m->name);
      return true;
    }
  }
}

bool Mischief::module(Act act, Random& random) {
  // Of something that was published, or is about to be: the shelf knows both.
  std::vector<Digest> artifacts;
  for (const auto& [manifest, book] : s_.world.shelf().books())
    for (const auto& entry : book.manifest.artifacts) artifacts.push_back(entry.digest);
  if (artifacts.empty()) return false;
  const Digest artifact = artifacts[random.below(artifacts.size())];
  sim::Conduct conduct;
  sim::Step step = draw_step(random);
  conduct.first_times = 1 + std::uint32_t(random.below(3));
  const Member* engine = any_engine(random);
  const sim::MachineId where = engine && random.one_in(2) ? engine->host : sim::kNoMachine;
  switch (act) {
    case Act::module_fails:
      conduct.fate = sim::Fate::fails;
      // A destroy fails for want of a thread, and not for ever.
      if (random.one_in(3) && step != sim::Step::destroy) conduct.first_times = 0;
      conduct.words = "the module said no";
      break;
    case Act::module_hangs:
      conduct.fate = sim::Fate::hangs;
      if (step == sim::Step::load && !random.one_in(4)) step = sim::Step::create;
      break;
    case Act::module_kills:
      conduct.fate = sim::Fate::kills;
      break;
    default:
      conduct.takes = sim::Micros(200 + random.below(4000)) * sim::kMillisecond;
      break;
  }
  s_.world.conduct(artifact, step, conduct, where);
  return true;
}

bool Mischief::backup(Random& random) {
  if (copies_.empty()) return false;
  if (s_.fleet.up(*s_.fleet.find(kController))) s_.world.crash(kController);
  const sim::DiskImage& copy = copies_[random.below(copies_.size())].image;
  s_.world.restore_backup(kController, copy);
  s_.ledger.disk_was_put_back(copy);
  s_.world.restart(kController);
  return true;
}

void Mischief::whole_network() {
  s_.world.heal();
  for (const Member* m : s_.fleet.tiers()) {
    if (m->parent.empty()) continue;
    s_.world.network().limit(m->host, s_.world.at(m->parent).id(), 0);
    s_.world.network().limit(s_.world.at(m->parent).id(), m->host, 0);
  }
}

bool Mischief::relief(Random& random) {
  if (random.one_in(2)) whole_network();
  for (const std::string& gateway : s_.fleet.with_sources())
    if (random.one_in(4)) s_.fleet.tell_truth(gateway);
  for (const Member* m : s_.fleet.tiers()) {
    if (!s_.fleet.up(*m) && random.one_in(2)) s_.world.restart(m->name);
    if (random.one_in(2)) s_.world.disk_full(m->name, false);
  }
  if (const Member* client = s_.fleet.find(kClient); !s_.fleet.up(*client)) s_.world.restart(client->name);
  return true;
}

void Mischief::stop() {
  // Each of what ends here was an occurrence when it began; that it ends is one for all.
  s_.world.note_fault("faults have stopped");
  whole_network();
  // A source may go on lying for ever where all that it named is known.
  for (const std::string& gateway : s_.fleet.with_sources())
    if (!s_.fleet.all_known(gateway)) s_.fleet.tell_truth(gateway);
  for (const std::string& address : addresses_)
    if (const Member* m = s_.fleet.find(address); m && !m->gone) s_.world.move_address(address, address);
  s_.world.modules().end_kills();
  for (const Member* m : s_.fleet.tiers()) {
    if (m->twin) {
      s_.fleet.end_twin(*m);
      continue;
    }
    sim::Disk& disk = s_.world.at(m->host).disk();
    disk.set_full(false);
    disk.fail_next(0, PINNATE_IO);
    disk.delay_next(0, 0);
    s_.world.at(m->host).deliver_strays(false);
    s_.world.flips(m->host).left = 0;
    if (!s_.fleet.up(*m)) s_.world.restart(m->name);
  }
  if (const Member* client = s_.fleet.find(kClient); !s_.fleet.up(*client)) s_.world.restart(client->name);
}

}  // namespace pinnate::simulator
