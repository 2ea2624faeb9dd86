// One simulated machine with one tier on it: the driver of that tier through all its lives. It
// carries out the tier's actions on the world's network, its own disk and its own modules, and
// reports back what came of them.
#pragma once

#include "base/random.h"
#include "sim/black_box.h"
#include "sim/disk.h"
#include "sim/event_queue.h"
#include "sim/module_host.h"
#include "sim/network.h"
#include "sim/occurrence.h"
#include "tier/tier.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace pinnate::sim {

struct MachineOptions {
  bool keeps_disk = true;  // false: every life begins with an empty disk
  bool has_modules = false;  // an engine
  bool listens = true;  // at its name
  Micros extra_latency = 0;  // of its connections, one way
  std::int64_t wall_skew_ms = 0;
  Micros respawn_after = kSecond;  // after a module took it down; -1: never
};

// What every host shares with its world.
struct Surroundings {
  std::uint64_t seed;
  EventQueue& queue;
  Network& network;
  const Observer& observer;
  Random& random;
  ChunkVerifier& verifier;
  ModuleBook& modules;
  const DiskTimes& disk_times;
  std::function<void(MachineId, std::string why)> on_death;  // a module took the tier down
  std::function<void(MachineId, std::string what)> on_breach;  // a tier broke its contract with the driver
  const std::function<void(MachineId, pinnate_log_level, const std::string&)>& on_log;
  std::function<bool(MachineId, const wire::Message&)> on_host_message;  // true: taken; else it is kept for who asked
  const std::function<void(MachineId, Buffer*)>& alter_sent;
  std::vector<tier::Action> room = {};  // lent to each tier in turn
};

class Machine final : public Endpoint, private EngineHost {
 public:
  // Makes the tier of one life.
  using Make = std::function<std::unique_ptr<tier::Tier>(std::uint64_t seed, std::uint64_t incarnation)>;

  Machine(std::string name, const MachineOptions& options, Surroundings& world, Make make);

  const std::string& name() const { return name_; }
  MachineId id() const { return id_; }
  const MachineOptions& options() const { return options_; }

  // ---- life ----
  void start();
  enum class Crash { kill, power_loss };
  // Power loss: what was not synced is lost, and peers hear nothing. Kill: the machine lives on and
  // closes its links.
  void crash(Crash how);
  void close();  // the tier ends well; up() turns false when it has
  bool up() const { return tier_ != nullptr; }
  std::uint32_t lives() const { return life_; }
  // Orders of the life before are answered in the next one: a tier must tell that they are not its
  // own.
  void deliver_strays(bool on) { deliver_strays_ = on; }

  // ---- from outside ----
  void keep_link(tier::Side side, const std::string& address);
  void name_members(const std::string& source, std::optional<Naming> naming);
  // The same now, if it is up, and at the start of each life.
  void keep_naming(const std::string& source, const Naming& naming);
  void host_message(const wire::Message& message);
  // From its next life on: other options, other addresses to dial.
  void set_make(Make make) { make_ = std::move(make); }
  void set_links(std::vector<std::pair<tier::Side, std::string>> links) { kept_links_ = std::move(links); }
  void end_respawns() { options_.respawn_after = -1; }  // it is gone for good
  void jump_clock(std::int64_t by_ms) { wall_skew_ms_ += by_ms; }
  std::vector<wire::Message>& answers() { return answers_; }
  // Work of this process: dropped if it ends before.
  void later(Micros delay, std::function<void()> work) override;

  // ---- the truth ----
  Disk& disk() { return disk_; }
  const Disk& disk() const { return disk_; }
  const ModuleHost* modules() const { return modules_.get(); }  // null when it is down or no engine
  // What takes a function's calls, or null.
  const Serving* serving(std::string_view function) const { return modules_ ? modules_->serving(function) : nullptr; }
  std::uint64_t strays_delivered() const { return strays_delivered_; }

  // ---- Endpoint ----
  void link_opened(tier::LinkId link, const tier::PeerFacts& facts) override;
  void link_message(tier::LinkId link, Buffer message) override;
  void link_heard(tier::LinkId link) override;
  void link_drained(tier::LinkId link, tier::Drained drained) override;
  void link_closed(tier::LinkId link, Status why) override;

 private:
  // ---- EngineHost ----
  void answer(tier::Completion completion) override;
  void die(std::string why) override;
  void breach(std::string what) override;

  tier::Now now() const;
  void note(What what, std::uint64_t number = 0, std::string_view words = {}, std::string_view bytes = {},
            Code code = PINNATE_OK, std::uint64_t amount = 0);
  template <class F>
  void tell(F&& report);
  void arm();
  void rang(Micros when);
  void end(bool died, Network::Power power, bool power_lost);
  void deliver_stray(tier::Token token, Micros delay);

  void act(tier::Dial& dial);
  void act(tier::Send& send);
  void act(tier::Drop& drop);
  void act(tier::Trust& trust);
  void act(tier::Activate& activate);
  void act(tier::Deactivate& deactivate);
  void act(tier::Invoke& invoke);
  void act(tier::WriteLog& log);
  void act(tier::TellLink&) {}  // no host listens
  template <class A>
  void act(A& action);
  void host_answer(Buffer message);

  std::string name_;
  MachineOptions options_;
  Surroundings& world_;
  Make make_;
  MachineId id_;
  Disk disk_;
  std::unique_ptr<tier::Tier> tier_;
  std::unique_ptr<ModuleHost> modules_;
  std::vector<std::pair<tier::Side, std::string>> kept_links_;
  std::map<std::string, Naming> kept_namings_;
  std::vector<wire::Message> answers_;
  BlackBox black_box_;
  std::vector<tier::Token> strays_, module_strays_;  // of the life before
  std::vector<tier::Token> module_orders_;  // not answered yet
  std::uint64_t strays_delivered_ = 0;

  std::uint32_t life_ = 0;
  std::int64_t boot_ms_ = 0;  // virtual time plus this is the host's monotonic time
  std::int64_t wall_skew_ms_ = 0;
  Micros armed_ = -1;
  std::uint32_t woke_in_a_row_ = 0;
  Micros last_woke_ = -1;
  bool closing_ = false, deliver_strays_ = false;
};

}  // namespace pinnate::sim
