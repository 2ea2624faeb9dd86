// The receiving half of the network: what arrives or is held up, and how ends learn that it is
// over.
#include "sim/network.h"

#include <algorithm>
#include <utility>

namespace pinnate::sim {

void Network::arrive(ConnectionId id, int from, Piece& piece) {
  Connection* c = find(id);
  if (!c) return;
  if (blocked(*c, from) || (c->flows[from] && !c->flows[from]->held.empty()))
    flow(*c, from).held.push_back(std::move(piece));
  else
    land(id, from, piece);
}

void Network::release(ConnectionId id, int from) {
  for (Connection* c = find(id); c && c->flows[from] && !c->flows[from]->held.empty() && !blocked(*c, from);
       c = find(id)) {
    // Not popped before it has landed: what arrives meanwhile must queue behind it.
    Piece piece = std::move(c->flows[from]->held.front());
    land(id, from, piece);
    if (c = find(id); c && c->flows[from] && !c->flows[from]->held.empty()) c->flows[from]->held.pop_front();
  }
  pump(id, from);
}

void Network::land(ConnectionId id, int from, Piece& piece) {
  Connection* c = find(id);
  if (c->black_hole) return;
  const int to = 1 - from;
  if (Flow* way = c->flows[from].get(); way && way->cut_after_bytes >= 0) {
    if (way->cut_after_bytes < std::int64_t(piece.bytes)) {
      const auto part = std::size_t(way->cut_after_bytes);
      ++cut_at_byte_;
      std::vector<wire::Arrived> messages;
      if (c->muxes[to] && c->ends[to].state == End::open &&
          c->muxes[to]->receive(std::string_view(piece.raw).substr(0, part), &messages).ok())
        land_messages(id, from, std::move(messages));
      return reset(id, {PINNATE_UNREACHABLE, "connection reset by peer"});
    }
    way->cut_after_bytes -= std::int64_t(piece.bytes);
  }
  const End receiver = c->ends[to];
  if (receiver.state == End::vanished) {
    // A machine without power is silent; once it is back it says that it knows of no connection.
    if (hosts_[receiver.host].power == Power::off) return;
    return lose(id, from, {PINNATE_UNREACHABLE, "connection reset by peer"});
  }
  if (receiver.state == End::gone) return;  // its own end of the connection is on its way
  if (piece.end) return lose(id, to, {PINNATE_UNREACHABLE, "the peer closed the connection"});

  if (c->muxes[to]) {
    std::vector<wire::Arrived> messages;
    const Status status = c->muxes[to]->receive(piece.raw, &messages);
    land_messages(id, from, std::move(messages));
    if (!status.ok()) {
      lose(id, to, status);
      return finish(id, to, false);
    }
    pump(id, to);  // credit that it granted
  } else {
    land_message(id, from, std::move(piece.message));
  }
  if (piece.drained.bulk == 0 && piece.drained.calls == 0) return;
  if (c = find(id); c && c->ends[from].state == End::open)
    hosts_[c->ends[from].host].endpoint->link_drained(c->ends[from].link, piece.drained);
}

void Network::land_messages(ConnectionId id, int from, std::vector<wire::Arrived> messages) {
  if (messages.empty()) land_message(id, from, {});
  for (auto& [message, descriptor] : messages) land_message(id, from, std::move(message));
}

// Empty: only a part of one came. A whole one says by itself that the sender lives.
void Network::land_message(ConnectionId id, int from, Buffer message) {
  const Connection* c = find(id);
  if (!c || c->ends[1 - from].state != End::open) return;
  const End end = c->ends[1 - from];
  if (message.empty()) return hosts_[end.host].endpoint->link_heard(end.link);
  if (on_message) on_message(c->ends[from].host, end.host, message);
  hosts_[end.host].endpoint->link_message(end.link, std::move(message));
}

// ---- ends ---------------------------------------------------------------------------------------

void Network::lose(ConnectionId id, int end, Status why, bool silently) {
  Connection* c = find(id);
  if (!c) return;
  End& lost = c->ends[end];
  if (lost.over()) return forget_if_over(id);
  lost.state = silently ? End::vanished : End::gone;
  MachineState& host = hosts_[lost.host];
  for (Ref& ref : host.links) {
    if (ref.link == lost.link) ref.connection = kLost;
  }
  queue_.after(0, [this, at = lost.host, link = lost.link, life = host.life, why = std::move(why)] {
    if (hosts_[at].life != life || !find_ref(at, link)) return;  // ended, or dropped it meanwhile
    erase_ref(at, link);
    hosts_[at].endpoint->link_closed(link, why);
  });
  forget_if_over(id);
}

void Network::reset(ConnectionId id, const Status& why) {
  lose(id, 0, why);
  lose(id, 1, why);
  erase(id);
}

void Network::forget_if_over(ConnectionId id) {
  if (const Connection* c = find(id); c && c->ends[0].over() && c->ends[1].over()) erase(id);
}

// ---- tables -------------------------------------------------------------------------------------

const Network::Ref* Network::find_ref(MachineId host, tier::LinkId link) const {
  const auto& links = hosts_[host].links;
  const auto at =
      std::lower_bound(links.begin(), links.end(), link, [](const Ref& r, tier::LinkId l) { return r.link < l; });
  return at != links.end() && at->link == link ? &*at : nullptr;
}

void Network::add_ref(MachineId host, Ref ref) {
  auto& links = hosts_[host].links;
  links.insert(
      std::lower_bound(links.begin(), links.end(), ref.link, [](const Ref& r, tier::LinkId l) { return r.link < l; }),
      ref);
}

void Network::erase_ref(MachineId host, tier::LinkId link) {
  std::erase_if(hosts_[host].links, [link](const Ref& r) { return r.link == link; });
}

int Network::side_of(const Connection& c, MachineId host, tier::LinkId link) const {
  return c.ends[0].host == host && c.ends[0].link == link ? 0 : 1;
}

bool Network::blocked(const Connection& c, int from) const {
  return (c.flows[from] && c.flows[from]->stalled) || !reachable(c.ends[0].host, c.ends[1].host);
}

Flow& Network::flow(Connection& c, int from) {
  if (!c.flows[from]) c.flows[from] = std::make_unique<Flow>();
  return *c.flows[from];
}

}  // namespace pinnate::sim
