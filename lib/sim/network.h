// A simulated network: hosts that listen and dial by address, connections with latency, and what
// goes wrong with them.
//
// Messages pass whole and in order; drained bytes are told to the sender when they have arrived.
// With `through_mux` each end has a real wire::Mux, so that a reset can fall between any two bytes.
// Time passes before every report to a host: no function here calls one from inside.
#pragma once

#include "base/buffer.h"
#include "base/random.h"
#include "base/status.h"
#include "sim/event_queue.h"
#include "sim/flow.h"
#include "sim/occurrence.h"
#include "tier/action.h"
#include "wire/mux.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace pinnate::sim {

struct NetworkOptions {
  Micros latency_min = 200, latency_max = 2 * kMillisecond;  // one way; each connection draws its own
  Micros dial_timeout = 5 * kSecond;  // or what the dial may take, if that is less
  std::size_t link_limit_bytes = 8 * 1024 * 1024;  // unsent, then the peer does not read
  bool through_mux = false;
};

// A host as the network sees it.
class Endpoint {
 public:
  virtual ~Endpoint() = default;
  virtual void link_opened(tier::LinkId link, const tier::PeerFacts& facts) = 0;
  virtual void link_message(tier::LinkId link, Buffer message) = 0;
  virtual void link_heard(tier::LinkId link) = 0;
  virtual void link_drained(tier::LinkId link, tier::Drained drained) = 0;
  virtual void link_closed(tier::LinkId link, Status why) = 0;
};

class Network {
 public:
  Network(NetworkOptions options, EventQueue& queue, Random& random)
      : options_(options), queue_(queue), random_(random) {}

  std::function<void(MachineId from, MachineId to, const Buffer&)> on_message;  // has come whole

  // ---- hosts ----
  enum class Power : std::uint8_t {
    on,  // a tier runs
    no_process,  // the machine answers, and refuses
    off,  // silence
  };
  MachineId attach(Endpoint* endpoint, Micros extra_latency);
  // A process that ends resets its links; a machine that loses power says nothing to anybody.
  void set_power(MachineId host, Power power);
  Power power(MachineId host) const { return hosts_[host].power; }
  void listen(MachineId host, const std::string& address) { listeners_[address] = host; }
  void end_listening(const std::string& address) { listeners_.erase(address); }

  // ---- what tiers do; false: the host has no such open link ----
  void dial(MachineId host, tier::LinkId link, const std::string& address, std::uint32_t limit_ms);
  bool send(MachineId host, tier::LinkId link, wire::Class priority, Buffer message);
  bool drop(MachineId host, tier::LinkId link);
  bool knows(MachineId host, tier::LinkId link) const { return find_ref(host, link) != nullptr; }

  // ---- faults: each on all connections between two hosts ----
  void cut(MachineId a, MachineId b);  // what is in flight is lost
  void cut_after(MachineId from, MachineId to, std::uint64_t bytes);  // once so many more have arrived at `to`
  std::uint64_t cut_at_byte() const { return cut_at_byte_; }  // how often that came to pass
  void half_open(MachineId believer, MachineId other);  // `other` has lost it, `believer` is not told
  void stall(MachineId from, MachineId to, bool on);  // nothing arrives until it is off
  void limit(MachineId from, MachineId to, std::uint64_t bytes_per_second);  // 0: no limit
  void partition(const std::vector<MachineId>& island);  // these hear each other, and nobody else
  void heal();  // partitions and stalls

  // ---- the truth ----
  bool reachable(MachineId a, MachineId b) const { return hosts_[a].island == hosts_[b].island; }
  bool linked(MachineId a, MachineId b) const;  // an open connection, in the eyes of both
  std::vector<MachineId> peers(MachineId host) const;
  std::size_t peer_links(MachineId a, MachineId b) const { return between(a, b).size(); }  // connections, whole or half
  MachineId peer(MachineId host,
                 tier::LinkId link) const;  // at the other end of a link; kNoMachine: none (yet, or any more)
  std::size_t connections() const { return open_; }

 private:
  using ConnectionId = std::uint64_t;
  static constexpr ConnectionId kLost = 0;  // gone, and the host's tier is yet to be told

  struct End {
    MachineId host = kNoMachine;
    tier::LinkId link = 0;
    enum : std::uint8_t { opening, open, gone, vanished } state = opening;  // vanished: gone without a word
    bool over() const { return host == kNoMachine || state == gone || state == vanished; }
  };
  struct Connection {
    End ends[2];  // the dialler first
    Micros latency = 0;
    bool black_hole = false;
    std::unique_ptr<Flow> flows[2];  // from ends[i]; none: it just flows
    std::unique_ptr<wire::Mux> muxes[2];  // of ends[i]
  };
  struct Ref {
    tier::LinkId link;
    ConnectionId connection;
  };
  struct MachineState {
    Endpoint* endpoint = nullptr;
    Micros extra_latency = 0;
    Power power = Power::no_process;
    std::uint32_t island = 0, life = 0;
    tier::LinkId next_accepted = 2;
    std::vector<Ref> links;  // by link
  };

  Micros draw_latency(MachineId a, MachineId b);
  void syn(ConnectionId id, const std::string& address, std::uint32_t limit_ms);
  void fail_dial(ConnectionId id, Micros delay, Status why);
  Connection* find(ConnectionId id) const { return id < connections_.size() ? connections_[id].get() : nullptr; }
  void erase(ConnectionId id) { open_ -= std::exchange(connections_[id], nullptr) != nullptr; }
  const Ref* find_ref(MachineId host, tier::LinkId link) const;
  void add_ref(MachineId host, Ref ref);
  void erase_ref(MachineId host, tier::LinkId link);
  int side_of(const Connection& c, MachineId host, tier::LinkId link) const;
  std::vector<ConnectionId> between(MachineId a, MachineId b) const;
  std::vector<ConnectionId> all_of(MachineId host) const;

  bool blocked(const Connection& c, int from) const;
  Flow& flow(Connection& c, int from);
  Flow& flow_from(ConnectionId id, MachineId from);
  void pump(ConnectionId id, int from);
  void fly(ConnectionId id, Connection& c, int from, Piece piece);
  void arrive(ConnectionId id, int from, Piece& piece);
  void land(ConnectionId id, int from, Piece& piece);
  void land_messages(ConnectionId id, int from, std::vector<wire::Arrived> messages);
  void land_message(ConnectionId id, int from, Buffer message);
  void release(ConnectionId id, int from);
  void finish(ConnectionId id, int from, bool flush);
  void lose(ConnectionId id, int end, Status why, bool silently = false);
  void reset(ConnectionId id, const Status& why);
  void forget_if_over(ConnectionId id);

  NetworkOptions options_;
  EventQueue& queue_;
  Random& random_;
  std::vector<MachineState> hosts_;
  std::unordered_map<std::string, MachineId> listeners_;
  std::vector<std::unique_ptr<Connection>> connections_;  // by id; null: over
  std::size_t open_ = 0;  // of them
  std::uint32_t next_island_ = 1;
  std::uint64_t cut_at_byte_ = 0;
};

}  // namespace pinnate::sim
