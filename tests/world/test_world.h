// A world for tests: by the names of its tiers it can be asked anything and have everything done to
// it that goes wrong, and it keeps count of what happened. Each fault is an occurrence in its
// trace.
#pragma once

#include "sim/world.h"
#include "world/trace.h"
#include "world/traffic.h"

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pinnate::sim {

// What happens to a stored chunk: a flipped bit or a cut, which the store's checksum shows; it is
// gone; or it holds something else with a right checksum, which only its digest shows.
enum class Damage { flipped, cut_short, gone, forged };

class TestWorld : public World {
 public:
  explicit TestWorld(std::uint64_t seed) : TestWorld(WorldOptions{seed, {}, {}}) {}
  explicit TestWorld(const WorldOptions& options);

  void dial_down(std::string_view upper, const std::string& lower);  // keeps dialling a tier below it

  // ---- the process around a tier ----
  template <class T>
  std::uint64_t request(std::string_view tier, T message) {
    return World::request(at(tier).id(), std::move(message));
  }
  // The latest answer of this type to a request, or null. Valid until the next answer to this
  // tier's host.
  template <class T>
  const T* answer(std::string_view tier, std::uint64_t id) {
    const auto& answers = at(tier).answers();
    for (auto a = answers.rbegin(); a != answers.rend(); ++a) {
      if (const T* found = std::get_if<T>(&*a); found && found->id == id) return found;
    }
    return nullptr;
  }
  // Asks, and lets time go on until it is answered; an answer with code TIMEOUT and no words: it is
  // not within `limit_ms`.
  template <class T, class Q>
  T ask(std::string_view tier, Q message, std::int64_t limit_ms = 30000) {
    return await<T>(tier, request(tier, std::move(message)), limit_ms);
  }
  template <class T>
  T await(std::string_view tier, std::uint64_t id, std::int64_t limit_ms) {
    const bool answered = run_until([&] { return answer<T>(tier, id) != nullptr; }, limit_ms);
    if (answered) return *answer<T>(tier, id);
    T none;
    none.code = PINNATE_TIMEOUT;
    return none;
  }

  // Publishes at a controller, or through a client. The request's id.
  std::uint64_t publish(std::string_view tier, const Module& module, const std::string& selector = {},
                        const std::string& config = {}, std::vector<std::string> needs = {}) {
    return World::publish(at(tier).id(), shelf().add(module), selector, Buffer(config), std::move(needs));
  }
  wire::Published publish_and_wait(std::string_view tier, const Module& module, const std::string& selector = {},
                                   const std::string& config = {}, std::int64_t limit_ms = 30000) {
    return await<wire::Published>(tier, publish(tier, module, selector, config), limit_ms);
  }

  // ---- faults ----
  using World::note_fault;
  void note_fault(std::string_view words) { note_fault(kNoMachine, words); }  // of no tier
  void crash(std::string_view tier, Machine::Crash how = Machine::Crash::kill);
  void restart(std::string_view tier);
  void close(std::string_view tier);
  void cut(std::string_view a, std::string_view b);
  void cut_after(std::string_view from, std::string_view to, std::uint64_t bytes);
  void half_open(std::string_view believer, std::string_view other);
  void stall(std::string_view from, std::string_view to, bool on = true);
  void limit(std::string_view from, std::string_view to, std::uint64_t bytes_per_second);
  void partition(const std::vector<std::string>& island);
  void heal();
  void disk_full(std::string_view tier, bool on);
  void fail_orders(std::string_view tier, std::uint32_t count);  // to its disk, the next ones; so the two below
  void delay_orders(std::string_view tier, std::uint32_t count, std::int64_t by_ms);
  void deliver_strays(std::string_view tier);  // completions of the life before come in the next
  void conduct(const Digest& artifact, Step step, const Conduct& conduct,
               MachineId engine = kNoMachine);  // of a module
  bool corrupt_chunk(std::string_view tier, const Digest& artifact, std::uint32_t index,
                     Damage damage = Damage::flipped);  // false: there is no such chunk
  void flip_sent_chunks(std::string_view tier, std::uint32_t count);  // the next so many are corrupt
  void clock_jump(std::string_view tier, std::int64_t by_ms);
  DiskImage backup(std::string_view tier) const { return at(tier).disk().image(); }
  void restore_backup(std::string_view tier, DiskImage image);  // of a tier that is down
  void move_address(const std::string& address, std::string_view tier);  // from now on this tier listens there

  struct Flips {
    std::uint32_t left = 0;
    std::uint64_t done = 0;
  };
  Flips& flips(MachineId sender) { return flips_[sender]; }

  // ---- the truth ----
  Trace& trace() { return trace_; }
  Traffic& traffic() { return traffic_; }
  bool linked(std::string_view a, std::string_view b) { return network().linked(at(a).id(), at(b).id()); }
  // What takes a function's calls on an engine, or null.
  const Serving* serving(std::string_view engine, std::string_view function) const;
  // Its version, or "".
  std::string version_on(std::string_view engine, std::string_view function) const;
  std::vector<MachineId> live_engines() const;
  // What was made, or null.
  const Shelf::Book* book(const Digest& manifest);
  // What was published under an artifact's digest: "name@version", or "" when nothing was.
  std::string title_of(const Digest& artifact);
  // How often a call with this payload ran: what callers' answers are held against.
  struct Runs {
    std::uint32_t begun = 0, ended = 0;
    MachineId last = kNoMachine;
  };
  Runs runs(const std::string& payload) const;

 private:
  void fault(std::string_view tier, const std::string& words) { note_fault(at(tier).id(), words); }
  void flip(MachineId sender, Buffer* message);

  Trace trace_;
  Traffic traffic_;
  std::unordered_map<MachineId, Flips> flips_;
  std::unordered_map<std::string, Runs> runs_;
};

}  // namespace pinnate::sim
