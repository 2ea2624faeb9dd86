// What is done to connections from outside, and what is asked about them.
#include "sim/network.h"

#include <algorithm>

namespace pinnate::sim {

std::vector<Network::ConnectionId> Network::all_of(MachineId host) const {
  std::vector<ConnectionId> ids;
  for (const Ref& ref : hosts_[host].links) {
    if (ref.connection != kLost) ids.push_back(ref.connection);
  }
  return ids;
}

// Also those of which only one end is left.
std::vector<Network::ConnectionId> Network::between(MachineId a, MachineId b) const {
  std::vector<ConnectionId> ids = all_of(a);
  for (ConnectionId id : all_of(b)) {
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
  }
  std::erase_if(ids, [&](ConnectionId id) {
    const Connection& c = *find(id);
    return !((c.ends[0].host == a && c.ends[1].host == b) || (c.ends[0].host == b && c.ends[1].host == a));
  });
  return ids;
}

Flow& Network::flow_from(ConnectionId id, MachineId from) {
  Connection& c = *find(id);
  return flow(c, c.ends[0].host == from ? 0 : 1);
}

void Network::cut(MachineId a, MachineId b) {
  for (ConnectionId id : between(a, b)) reset(id, {PINNATE_UNREACHABLE, "connection reset by peer"});
}

void Network::cut_after(MachineId from, MachineId to, std::uint64_t bytes) {
  for (ConnectionId id : between(from, to)) flow_from(id, from).cut_after_bytes = std::int64_t(bytes);
}

void Network::half_open(MachineId believer, MachineId other) {
  for (ConnectionId id : between(believer, other)) {
    Connection& c = *find(id);
    c.black_hole = true;
    lose(id, c.ends[0].host == other ? 0 : 1, {PINNATE_UNREACHABLE, "connection timed out"}, true);
  }
}

void Network::stall(MachineId from, MachineId to, bool on) {
  for (ConnectionId id : between(from, to)) {
    flow_from(id, from).stalled = on;
    if (!on) queue_.after(0, [this, id, side = find(id)->ends[0].host == from ? 0 : 1] { release(id, side); });
  }
}

void Network::limit(MachineId from, MachineId to, std::uint64_t bytes_per_second) {
  for (ConnectionId id : between(from, to)) flow_from(id, from).bytes_per_second = bytes_per_second;
}

void Network::partition(const std::vector<MachineId>& island) {
  for (MachineId host : island) hosts_[host].island = next_island_;
  ++next_island_;
}

void Network::heal() {
  for (MachineState& host : hosts_) host.island = 0;
  for (MachineId host = 0; host < hosts_.size(); ++host) {
    for (ConnectionId id : all_of(host)) {
      Connection& c = *find(id);
      for (int from = 0; from < 2; ++from) {
        if (!c.flows[from]) continue;
        c.flows[from]->stalled = false;
        queue_.after(0, [this, id, from] { release(id, from); });
      }
    }
  }
}

bool Network::linked(MachineId a, MachineId b) const {
  const auto ids = between(a, b);
  return std::any_of(ids.begin(), ids.end(), [&](ConnectionId id) {
    const Connection& c = *find(id);
    return c.ends[0].state == End::open && c.ends[1].state == End::open;
  });
}

MachineId Network::peer(MachineId host, tier::LinkId link) const {
  const Ref* ref = find_ref(host, link);
  if (!ref || ref->connection == kLost) return kNoMachine;
  const Connection& c = *find(ref->connection);
  return c.ends[1 - side_of(c, host, link)].host;
}

std::vector<MachineId> Network::peers(MachineId host) const {
  std::vector<MachineId> others;
  for (ConnectionId id : all_of(host)) {
    const Connection& c = *find(id);
    if (c.ends[0].state == End::open && c.ends[1].state == End::open)
      others.push_back(c.ends[c.ends[0].host == host ? 1 : 0].host);
  }
  return others;
}

}  // namespace pinnate::sim
