// A whole fleet in one process and in virtual time: tiers as they ship, over a simulated network,
// disks, clocks and modules. Everything that happens follows from the seed and from what is asked
// of the world, to the last event.
//
// Tiers go by names, which are also their addresses and, unless their options say otherwise, their
// ids. Not thread-safe.
#pragma once

#include "base/random.h"
#include "sim/event_queue.h"
#include "sim/host.h"
#include "sim/network.h"
#include "sim/shelf_publisher.h"
#include "sim/trace.h"
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
  explicit World(std::uint64_t seed) : World(WorldOptions{seed, {}, {}}) {}
  explicit World(const WorldOptions& options);
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // ---- tiers: each begins its first life at once ----
  Host& add_controller(const std::string& name, tier::ControllerOptions options = {}, HostOptions host = {});
  Host& add_gateway(const std::string& name, tier::GatewayOptions options = {}, HostOptions host = {});
  // An engine has a disk that lasts if its options say that it is durable.
  Host& add_engine(const std::string& name, tier::EngineOptions options = {}, HostOptions host = {});
  Host& add_client(const std::string& name, tier::ClientOptions options = {}, HostOptions host = {});
  Host& add(const std::string& name, const HostOptions& options, Host::Make make);

  // Other options from its next life on.
  void reconfigure_gateway(std::string_view name, tier::GatewayOptions options);
  void reconfigure_engine(std::string_view name, tier::EngineOptions options);

  void dial_up(std::string_view lower, const std::string& upper);  // keeps dialling its upstream
  void dial_down(std::string_view upper, const std::string& lower);  // keeps dialling a tier below it

  // ---- time ----
  Micros now() const { return queue_.now(); }
  void advance(std::int64_t ms);
  // Until `holds`, looked at after each millisecond in which something happened; false: it does not
  // within `limit_ms`.
  bool run_until(const std::function<bool()>& holds, std::int64_t limit_ms);
  std::uint64_t events_run() const { return queue_.events_run(); }

  // ---- the process around a tier: what goes over its host link ----
  std::uint64_t next_request() { return ++last_request_; }
  template <class T>
  std::uint64_t request(std::string_view tier, T message) {
    message.id = next_request();
    const std::uint64_t id = message.id;
    at(tier).host_message(message);
    return id;
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
                        const std::string& config = {}) {
    return publish(tier, shelf_.add(module), selector, Buffer(config));
  }
  std::uint64_t publish(std::string_view tier, const Shelf::Book& book, const std::string& selector, Buffer config);
  wire::Published publish_and_wait(std::string_view tier, const Module& module, const std::string& selector = {},
                                   const std::string& config = {}, std::int64_t limit_ms = 30000);

  // ---- faults ----
  void note_fault(std::string_view words);  // in the trace, of no tier
  void crash(std::string_view tier, Host::Crash how = Host::Crash::kill);
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
  void conduct(const Digest& artifact, Step step, const Conduct& conduct, HostId engine = kNoHost);  // of a module
  bool corrupt_chunk(std::string_view tier, const Digest& artifact, std::uint32_t index,
                     Disk::Damage damage = Disk::Damage::flipped);
  void flip_sent_chunks(std::string_view tier, std::uint32_t count);
  void clock_jump(std::string_view tier, std::int64_t by_ms);
  DiskImage backup(std::string_view tier) const { return at(tier).disk().image(); }
  void restore_backup(std::string_view tier, DiskImage image);  // of a tier that is down
  void move_address(const std::string& address, std::string_view tier);  // from now on this tier listens there

  // ---- parts ----
  Network& network() { return network_; }
  ModuleBook& modules() { return modules_; }
  Shelf& shelf() { return shelf_; }
  Trace& trace() { return trace_; }
  Random& random() { return random_; }
  const ChunkVerifier& verifier() const { return verifier_; }
  std::function<void(HostId, pinnate_log_level, const std::string&)> on_log;
  bool publishers_read = true;  // false: they live, and send nothing of their artifacts

  // ---- the truth ----
  Host& at(std::string_view tier);
  const Host& at(std::string_view tier) const;
  Host& at(HostId id) { return *hosts_[id]; }
  const Host& at(HostId id) const { return *hosts_[id]; }
  std::size_t size() const { return hosts_.size(); }
  bool linked(std::string_view a, std::string_view b) const { return network_.linked(at(a).id(), at(b).id()); }
  // What takes a function's calls on an engine, or null.
  const Serving* serving(std::string_view engine, std::string_view function) const;
  // Its version, or "".
  std::string version_on(std::string_view engine, std::string_view function) const;
  std::vector<HostId> live_engines() const;
  // What tiers did that their contract with the driver forbids, in words; empty in a world without
  // bugs.
  const std::vector<std::string>& breaches() const { return breaches_; }
  void forget_breaches() { breaches_.clear(); }

 private:
  ShelfPublisher& publisher_of(HostId host);
  void fault(std::string_view tier, const std::string& words);

  WorldOptions options_;
  EventQueue queue_;
  Random random_;
  Network network_;
  Trace trace_;
  ChunkVerifier verifier_;
  ModuleBook modules_;
  Shelf shelf_;
  Surroundings surroundings_;

  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const { return std::hash<std::string_view>()(s); }
  };
  std::vector<std::unique_ptr<Host>> hosts_;
  std::shared_ptr<const tier::EngineOptions> engine_options_;  // of the last one; a fleet's are mostly the same
  std::unordered_map<std::string, HostId, NameHash, std::equal_to<>> names_;
  struct Publishing {
    std::uint32_t life;  // of its process
    std::unique_ptr<ShelfPublisher> publisher;
  };
  std::unordered_map<HostId, Publishing> publishing_;
  std::vector<std::string> breaches_;
  std::uint64_t last_request_ = 0;
};

}  // namespace pinnate::sim
