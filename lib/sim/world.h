// A whole fleet in one process and in virtual time: tiers as they ship, over a simulated network,
// disks, clocks and modules. Everything that happens follows from the seed and from what is asked
// of the world, to the last event.
//
// Tiers go by names, which are also their addresses and, unless their options say otherwise, their
// ids. Not thread-safe.
#pragma once

#include "base/random.h"
#include "sim/event_queue.h"
#include "sim/machine.h"
#include "sim/network.h"
#include "sim/occurrence.h"
#include "sim/shelf_publisher.h"
#include "tier/client.h"
#include "tier/controller.h"
#include "tier/engine.h"
#include "tier/gateway.h"
#include "wire/message.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pinnate::sim {

struct WorldOptions {
  std::uint64_t seed = 1;
  NetworkOptions network;
  DiskTimes disk;
};

class World {
 public:
  explicit World(const WorldOptions& options);
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // ---- tiers: each begins its first life at once ----
  Machine& add_controller(const std::string& name, tier::ControllerOptions options = {}, MachineOptions host = {});
  Machine& add_gateway(const std::string& name, tier::GatewayOptions options = {}, MachineOptions host = {});
  // An engine has a disk that lasts if its options say that it is durable.
  Machine& add_engine(const std::string& name, tier::EngineOptions options = {}, MachineOptions host = {});
  Machine& add_client(const std::string& name, tier::ClientOptions options = {}, MachineOptions host = {});
  Machine& add(const std::string& name, const MachineOptions& options, Machine::Make make);

  // Other options from its next life on.
  void reconfigure_gateway(std::string_view name, tier::GatewayOptions options);
  void reconfigure_engine(std::string_view name, tier::EngineOptions options);

  void dial_up(std::string_view lower, const std::string& upper);  // keeps dialling its upstream

  // ---- time ----
  Micros now() const { return queue_.now(); }
  void advance(std::int64_t ms);
  // Until `holds`, looked at after each millisecond in which something happened; false: it does not
  // within `limit_ms`.
  bool run_until(const std::function<bool()>& holds, std::int64_t limit_ms);
  std::uint64_t events_run() const { return queue_.events_run(); }

  // ---- the process around a tier: what goes over its host link ----
  template <class T>
  std::uint64_t request(MachineId tier, T message) {
    message.id = ++last_request_;
    const std::uint64_t id = message.id;
    at(tier).host_message(message);
    return id;
  }
  // Publishes at a controller, or through a client. The request's id.
  std::uint64_t publish(MachineId tier, const Shelf::Book& book, const std::string& selector, Buffer config,
                        std::vector<std::string> needs = {});
  // Tells the observer what was done to a tier, or to the world.
  void note_fault(MachineId host, std::string_view words);

  // ---- parts ----
  Network& network() { return network_; }
  ModuleBook& modules() { return modules_; }
  Shelf& shelf() { return shelf_; }
  Random& random() { return random_; }
  const ChunkVerifier& verifier() const { return verifier_; }
  Observer observer;
  std::function<void(MachineId, pinnate_log_level, const std::string&)> on_log;
  std::function<void(MachineId, Buffer*)> alter_sent;  // sees every message that is sent, before the observer does
  bool publishers_read = true;  // false: they live, and send nothing of their artifacts

  // ---- the truth ----
  Machine& at(std::string_view tier);
  const Machine& at(std::string_view tier) const;
  Machine& at(MachineId id) { return *hosts_[id]; }
  const Machine& at(MachineId id) const { return *hosts_[id]; }
  std::size_t size() const { return hosts_.size(); }
  // What tiers did that their contract with the driver forbids, in words; empty in a world without
  // bugs.
  const std::vector<std::string>& breaches() const { return breaches_; }
  void forget_breaches() { breaches_.clear(); }

 private:
  ShelfPublisher& publisher_of(MachineId host);

  WorldOptions options_;
  EventQueue queue_;
  Random random_;
  Network network_;
  ChunkVerifier verifier_;
  ModuleBook modules_;
  Shelf shelf_;
  Surroundings surroundings_;

  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const { return std::hash<std::string_view>()(s); }
  };
  std::vector<std::unique_ptr<Machine>> hosts_;
  std::shared_ptr<const tier::EngineOptions> engine_options_;  // of the last one; a fleet's are mostly the same
  std::unordered_map<std::string, MachineId, NameHash, std::equal_to<>> names_;
  struct Publishing {
    std::uint32_t life;  // of its process
    std::unique_ptr<ShelfPublisher> publisher;
  };
  std::unordered_map<MachineId, Publishing> publishing_;
  std::vector<std::string> breaches_;
  std::uint64_t last_request_ = 0;
};

}  // namespace pinnate::sim
