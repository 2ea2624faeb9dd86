#include "sim/network.h"

#include <algorithm>
#include <utility>

namespace pinnate::sim {
namespace {

constexpr Micros kFlushLimit = kSecond;

}  // namespace

// ---- hosts --------------------------------------------------------------------------------------

MachineId Network::attach(Endpoint* endpoint, Micros extra_latency) {
  MachineState host;
  host.endpoint = endpoint;
  host.extra_latency = extra_latency;
  hosts_.push_back(std::move(host));
  return static_cast<MachineId>(hosts_.size() - 1);
}

void Network::set_power(MachineId id, Power power) {
  MachineState& host = hosts_[id];
  const bool ran = host.power == Power::on;
  host.power = power;
  if (!ran || power == Power::on) return;
  const std::vector<ConnectionId> ended = all_of(id);
  host.links.clear();
  host.life++;
  host.next_accepted = 2;
  for (ConnectionId connection : ended) {
    Connection* c = find(connection);
    for (int i = 0; c && i < 2; ++i) {
      if (c->ends[i].host != id || c->ends[i].over()) continue;
      c->ends[i].state = power == Power::off ? End::vanished : End::gone;
      if (power == Power::no_process) finish(connection, i, false);
      c = find(connection);
    }
    forget_if_over(connection);
  }
}

// ---- dialling -----------------------------------------------------------------------------------

Micros Network::draw_latency(MachineId a, MachineId b) {
  const auto spread = std::uint64_t(options_.latency_max - options_.latency_min + 1);
  return options_.latency_min + Micros(random_.below(spread)) + hosts_[a].extra_latency + hosts_[b].extra_latency;
}

void Network::dial(MachineId host, tier::LinkId link, const std::string& address, std::uint32_t limit_ms) {
  const ConnectionId id = std::max<ConnectionId>(connections_.size(), kLost + 1);
  const auto listener = listeners_.find(address);
  connections_.resize(id + 1);
  ++open_;
  Connection& c = *(connections_[id] = std::make_unique<Connection>());
  c.ends[0] = {host, link, End::opening};
  c.latency = draw_latency(host, listener == listeners_.end() ? host : listener->second);
  add_ref(host, {link, id});
  queue_.after(c.latency, [this, id, address, limit_ms] { syn(id, address, limit_ms); });
}

void Network::syn(ConnectionId id, const std::string& address, std::uint32_t limit_ms) {
  Connection* c = find(id);
  if (!c) return;
  const MachineId dialler = c->ends[0].host;
  const auto listener = listeners_.find(address);
  if (listener == listeners_.end())
    return fail_dial(id, c->latency, {PINNATE_UNREACHABLE, "nobody listens at " + address});
  const MachineId to = listener->second;
  MachineState& host = hosts_[to];
  if (host.power == Power::off || !reachable(dialler, to))
    return fail_dial(id, std::min<Micros>(options_.dial_timeout, limit_ms * kMillisecond), {PINNATE_UNREACHABLE, "no answer from " + address});
  if (host.power == Power::no_process)
    return fail_dial(id, c->latency, {PINNATE_UNREACHABLE, "connection refused by " + address});

  const tier::LinkId accepted = host.next_accepted;
  host.next_accepted += 2;
  c->ends[1] = {to, accepted, End::open};
  add_ref(to, {accepted, id});
  if (options_.through_mux) {
    for (auto& mux : c->muxes) mux = std::make_unique<wire::Mux>(options_.link_limit_bytes);
  }
  queue_.after(c->latency, [this, id, address] {
    Connection* opened = find(id);
    if (!opened || opened->ends[0].state != End::opening) return;
    opened->ends[0].state = End::open;
    hosts_[opened->ends[0].host].endpoint->link_opened(opened->ends[0].link, {address, {}, {}, {}});
  });
  host.endpoint->link_opened(accepted, {"host " + std::to_string(dialler), {}, {}, {}});
}

void Network::fail_dial(ConnectionId id, Micros delay, Status why) {
  queue_.after(delay, [this, id, why = std::move(why)] {
    if (find(id)) lose(id, 0, why);
  });
}

// ---- sending ------------------------------------------------------------------------------------

bool Network::send(MachineId host, tier::LinkId link, wire::Class priority, Buffer message) {
  const Ref* ref = find_ref(host, link);
  if (!ref) return false;
  if (ref->connection == kLost) return true;
  const ConnectionId id = ref->connection;
  Connection& c = *find(id);
  const int from = side_of(c, host, link);
  if (c.ends[from].state != End::open) return false;
  if (c.muxes[from]) {
    if (Status s = c.muxes[from]->send(priority, std::move(message)); !s.ok()) {
      lose(id, from, s);
      finish(id, from, false);
      return true;
    }
    pump(id, from);
    return true;
  }
  if (!c.flows[from] && !blocked(c, from)) {
    Piece piece;
    piece.bytes = message.size();
    piece.drained.bulk = priority == wire::Class::bulk ? message.size() : 0;
    piece.drained.calls = priority == wire::Class::call ? message.size() : 0;
    piece.message = std::move(message);
    fly(id, c, from, std::move(piece));
    return true;
  }
  Flow& way = flow(c, from);
  if (way.queued_bytes() + message.size() > options_.link_limit_bytes) {
    const std::string waiting = std::to_string(way.queued_bytes());
    way.discard();
    lose(id, from, {PINNATE_BUSY, "the peer does not read: " + waiting + " bytes are waiting"});
    finish(id, from, false);
    return true;
  }
  way.push(priority, std::move(message));
  pump(id, from);
  return true;
}

bool Network::drop(MachineId host, tier::LinkId link) {
  const Ref* ref = find_ref(host, link);
  if (!ref) return false;
  const ConnectionId id = ref->connection;
  erase_ref(host, link);
  if (id == kLost) return true;
  Connection& c = *find(id);
  const int from = side_of(c, host, link);
  c.ends[from].state = End::gone;
  finish(id, from, true);
  return true;
}

// The end at `from` has closed: the other learns it after what is unsent, or at once without that.
void Network::finish(ConnectionId id, int from, bool flush) {
  Connection* c = find(id);
  if (!c) return;
  if (c->ends[1 - from].over()) return forget_if_over(id);
  Flow& way = flow(*c, from);
  if (way.end_sent) return;
  way.closing = true;
  if (!flush) {
    way.discard();
    if (c->muxes[from]) c->muxes[from] = std::make_unique<wire::Mux>(options_.link_limit_bytes);
  }
  pump(id, from);
  c = find(id);
  if (!c || !c->flows[from] || c->flows[from]->end_sent) return;
  queue_.after(kFlushLimit, [this, id, from] {
    Connection* late = find(id);
    if (!late || late->flows[from]->end_sent) return;
    late->flows[from]->discard();
    late->flows[from]->end_sent = true;
    Piece end;
    end.end = true;
    fly(id, *late, from, std::move(end));
  });
}

void Network::pump(ConnectionId id, int from) {
  Connection* c = find(id);
  if (!c) return;
  Flow* way = c->flows[from].get();
  while (!blocked(*c, from) && !(way && (way->busy || way->end_sent))) {
    const std::uint64_t rate = way ? way->bytes_per_second : 0;
    Piece piece;
    if (c->muxes[from]) {
      std::vector<wire::Piece> pieces;
      if (Status s = c->muxes[from]->take_output(kFragmentBytes, &pieces); !s.ok()) return reset(id, s);
      for (const wire::Piece& p : pieces) piece.raw.append(p.head.data(), p.head_bytes).append(p.payload.view());
      piece.bytes = piece.raw.size();
      piece.drained = {c->muxes[from]->take_drained_bulk(), c->muxes[from]->take_drained_calls()};
    } else if (!way || !way->take(rate ? kFragmentBytes : kMessageLimitBytes, &piece)) {
      piece.bytes = 0;
    }
    if (piece.bytes == 0) {
      if (!way || !way->closing) return;
      way->end_sent = piece.end = true;
      fly(id, *c, from, std::move(piece));
      return;
    }
    if (rate == 0) {
      fly(id, *c, from, std::move(piece));
      continue;
    }
    way->busy = true;
    queue_.after(Micros(piece.bytes * std::uint64_t(kSecond) / rate),
                 [this, id, from, piece = std::move(piece)]() mutable {
                   Connection* ready = find(id);
                   if (!ready) return;
                   ready->flows[from]->busy = false;
                   fly(id, *ready, from, std::move(piece));
                   pump(id, from);
                 });
    return;
  }
}

void Network::fly(ConnectionId id, Connection& c, int from, Piece piece) {
  queue_.after(c.latency, [this, id, from, piece = std::move(piece)]() mutable { arrive(id, from, piece); });
}

}  // namespace pinnate::sim
