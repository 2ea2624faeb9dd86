#include "tier/links.h"

#include "base/plant.h"

#include <algorithm>

namespace pinnate::tier {
namespace {

constexpr std::int64_t kHandshakeLimitMs = 10000;
constexpr std::int64_t kSettledMs = 2000;

std::string named(const wire::Hello& hello) { return std::string(role_name(hello.role)) + " '" + hello.id + "'"; }

}  // namespace

const char* role_name(wire::Role role) {
  switch (role) {
    case wire::Role::controller:
      return "controller";
    case wire::Role::gateway:
      return "gateway";
    case wire::Role::engine:
      return "engine";
    case wire::Role::client:
      return "client";
  }
  return "tier";
}

Session* Links::find(LinkId link) {
  const auto found = sessions_.find(link);
  return found == sessions_.end() ? nullptr : found->second.get();
}
Session* Links::upstream() { return upstream_ == 0 ? nullptr : find(upstream_); }
Session* Links::downstream(const std::string& id) {
  const auto found = below_.find(id);
  return found == below_.end() ? nullptr : find(found->second);
}
Links::Kept* Links::kept_of(LinkId link) {
  for (auto& kept : kept_)
    if (kept->link == link) return kept.get();
  return nullptr;
}

// ---- dialling -----------------------------------------------------------------------------------------------------

void Links::keep(Side side, const std::string& address) {
  kept_.push_back(
      std::make_unique<Kept>(side, address, Backoff(core_->options().backoff_min_ms, core_->options().backoff_max_ms)));
  dial(*kept_.back());
}

void Links::dial(Kept& kept) {
  if (leaving_ || kept.link != 0) return;
  // One way up is enough. Another address, of the same tier or of a spare one, is dialled when that way is lost.
  if (Session* up = upstream(); up && kept.side == Side::upstream) {
    kept.held_by = up->peer.id;
    return;
  }
  kept.link = core_->new_dialled_link();
  auto session = std::make_unique<Session>();
  session->link = kept.link;
  session->dialled = true;
  session->side = kept.side;
  sessions_.emplace(kept.link, std::move(session));
  core_->act(Dial{kept.link, kept.address});
}

void Links::redial_later(Kept& kept, bool was_up) {
  core_->cancel_alarm(&kept.redial);
  if (leaving_) return;
  // All sites lose their controller at once. The engines of one gateway are fewer, and their calls wait for them.
  const bool spread = was_up && role_ == wire::Role::gateway && kept.backoff.tries() == 0;
  const std::int64_t wait_ms = spread ? kept.backoff.spread_ms(core_->random()) : kept.backoff.next_ms(core_->random());
  kept.redial = core_->alarm_in(wait_ms, [this, &kept] {
    kept.redial = 0;
    dial(kept);
  });
}

void Links::opened(LinkId link) {
  Session* session = find(link);
  if (!session) {
    auto accepted = std::make_unique<Session>();
    accepted->link = link;
    session = sessions_.emplace(link, std::move(accepted)).first->second.get();
  }
  session->heard_ms = core_->now().monotonic_ms;
  session->bulk_room = kBulkRoomBytes;
  session->watch = core_->alarm_in(kHandshakeLimitMs, [this, link] {
    if (Session* s = find(link)) {
      s->watch = 0;
      refuse(link, {PINNATE_TIMEOUT, "no handshake within " + std::to_string(kHandshakeLimitMs) + " ms"});
    }
  });
  // Who dialled speaks first, so that a tier learns what a stranger claims before it shows its own name.
  if (session->dialled) greet(*session);
}

void Links::greet(Session& session) {
  const TierOptions& o = core_->options();
  wire::Hello hello;
  hello.fleet = o.fleet;
  hello.role = role_;
  hello.id = o.id;
  hello.incarnation = o.incarnation;
  hello.labels = o.labels;
  hello.heartbeat_ms = o.heartbeat_ms;
  hello.facing = session.side == Side::upstream ? 1 : session.side == Side::downstream ? 2 : 0;
  owner_->fill_hello(&hello);
  session.greeted = true;
  core_->send(session.link, hello);
}

// ---- the handshake ------------------------------------------------------------------------------------------------

Status Links::judge(Session& session, const wire::Hello& hello) {
  using wire::Role;
  if (hello.version_min > wire::kProtocolVersion || hello.version_max < wire::kProtocolVersion)
    return {PINNATE_INCOMPATIBLE, "protocol versions " + std::to_string(hello.version_min) + " to " +
                                      std::to_string(hello.version_max) + " and " +
                                      std::to_string(wire::kProtocolVersion) + " have none in common"};
  if (Status s = check_fleet(hello.fleet); !s.ok()) return s;
  if (hello.fleet != core_->options().fleet)
    return {PINNATE_REFUSED, "fleet '" + hello.fleet + "' is not '" + core_->options().fleet + "'"};
  if (!hello.tenant.empty()) return {PINNATE_REFUSED, "tenant '" + hello.tenant + "' is not known here"};
  if (hello.auth_method != "none")
    return {PINNATE_REFUSED, "authentication method '" + hello.auth_method + "' is not known here"};
  if (!hello.auth_payload.empty())  // it would be kept as long as the tier is known
    return {PINNATE_REFUSED, "authentication method 'none' has no payload"};
  if (Status s = check_tier_id(hello.id); !s.ok()) return s;
  if (Status s = check_labels(hello.labels); !s.ok()) return s;
  if (hello.role == Role::engine)
    if (Status s = check_platform(hello.platform); !s.ok()) return s;

  // On which side may a peer of this role be?
  Side side = Side::unknown;
  if (role_ == Role::client || hello.role == Role::controller) side = Side::upstream;
  if (hello.role == Role::client || role_ == Role::controller) side = Side::downstream;
  if (hello.role == Role::engine && role_ == Role::gateway) side = Side::downstream;
  if (role_ == Role::engine && hello.role == Role::gateway) side = Side::upstream;
  if (role_ == hello.role && role_ == Role::gateway)
    side = session.side != Side::unknown ? session.side
           : hello.facing == 1           ? Side::downstream
           : hello.facing == 2           ? Side::upstream
                                         : Side::unknown;
  const bool same_kind = role_ == hello.role && role_ != Role::gateway;
  if (side == Side::unknown || same_kind)
    return {PINNATE_REFUSED, std::string("a ") + role_name(role_) + " has no place for a " + role_name(hello.role)};
  if ((session.side != Side::unknown && session.side != side) || (hello.facing == 1 && side != Side::downstream) ||
      (hello.facing == 2 && side != Side::upstream))
    return {PINNATE_REFUSED, "the " + named(hello) + " cannot be " +
                                 (session.side == Side::upstream || hello.facing == 2 ? "above" : "below") + " the " +
                                 role_name(role_) + " '" + core_->options().id + "'"};
  if (hello.id == core_->options().id && hello.role == role_)
    return {PINNATE_CONFLICT, "the id '" + hello.id + "' is this " + role_name(role_) + "'s own"};
  session.side = side;
  return {};
}

// Between the same two lives: the link that the lower tier dialled stays; of two dialled by the same end the newer, since
// that end knows that its older one is dead. The upper tier decides, so that both do not drop one each.
bool Links::yields(const Session& session) {
  const bool upper = session.side == Side::downstream;
  Session* other = upper ? downstream(session.peer.id) : upstream();
  if (!other || other == &session) return false;
  if (!upper) return false;
  return other->dialled != session.dialled && session.dialled;
}

void Links::take_hello(Session& session, wire::Hello& hello) {
  if (session.admitted) return refuse(session.link, {PINNATE_REFUSED, "a second hello on one link"});
  session.peer = std::move(hello);
  Status why = judge(session, session.peer);
  if (why.ok()) why = owner_->admit(session);
  Session* other = nullptr;
  if (why.ok() && session.side == Side::upstream) {
    other = upstream();
    if (other && (other->peer.id != session.peer.id || other->peer.incarnation != session.peer.incarnation))
      why = {PINNATE_CONFLICT, std::string("the ") + role_name(role_) + " '" + core_->options().id +
                                   "' already has an upstream, " + named(other->peer)};
    else
      other = nullptr;  // the upper tier decides between the two
  } else if (why.ok() && session.peer.role != wire::Role::client) {
    other = downstream(session.peer.id);
    if (other && other->peer.incarnation != session.peer.incarnation && !PINNATE_PLANT(twin_takes_over))
      why = twice(session);
    else if (other && yields(session))
      why = {PINNATE_CONFLICT, "the " + named(session.peer) + " is linked already"};
  }
  if (!why.ok()) {
    owner_->refused(session, why);
    if (Kept* kept = kept_of(session.link); kept && other) kept->held_by = other->peer.id;
    return refuse(session.link, why);
  }
  if (other) {  // the new link replaces it
    const LinkId old = other->link;
    if (Kept* kept = kept_of(old)) kept->held_by = session.peer.id;
    refuse(old, {PINNATE_CONFLICT, "replaced by another link between the two"});
  }
  if (!session.greeted) greet(session);
  session.admitted = true;
  wire::Welcome welcome;
  if (session.side == Side::downstream) welcome.inherited = session.told = owner_->labels_below(session);
  core_->send(session.link, welcome);
  if (session.welcomed) come_up(session);
}

Status Links::twice(const Session& session) const {
  return {PINNATE_CONFLICT, "another " + named(session.peer) + " is linked to " + role_name(role_) + " '" +
                                core_->options().id + "'; ids must be unique in a fleet"};
}

// Two handshakes under one id may have been under way at once, and both were admitted: the first to come up stays, or, between the same
// two lives, the one that the rule prefers. False: this one has ended.
bool Links::settle_with_other(Session& session) {
  Session* other = downstream(session.peer.id);
  if (!other || other == &session) return true;
  if (other->peer.incarnation != session.peer.incarnation && !PINNATE_PLANT(twin_takes_over)) {
    const Status why = twice(session);
    owner_->refused(session, why);
    refuse(session.link, why);
    return false;
  }
  if (yields(session)) {
    refuse(session.link, {PINNATE_CONFLICT, "the " + named(session.peer) + " is linked already"});
    return false;
  }
  refuse(other->link, {PINNATE_CONFLICT, "replaced by another link between the two"});
  return true;
}

void Links::come_up(Session& session) {
  if (session.side == Side::upstream) {
    // A second link to the same life of the upstream: it kept this one, so the other is the one that ends.
    if (Session* other = upstream(); other && other != &session) {
      const LinkId old = other->link;
      refuse(old, {PINNATE_CONFLICT, "replaced by another link between the two"});
    }
    upstream_ = session.link;
  } else if (session.peer.role != wire::Role::client) {
    if (!settle_with_other(session)) return;
    below_[session.peer.id] = session.link;
  }
  session.up = true;
  session.up_ms = core_->now().monotonic_ms;
  core_->cancel_alarm(&session.watch);
  watch(session);
  core_->log(PINNATE_LOG_INFO, std::string(session.side == Side::upstream ? "upstream " : "downstream ") +
                                   named(session.peer) + " is linked");
  owner_->link_up(session);
}

// ---- messages and silence -----------------------------------------------------------------------------------------

void Links::received(LinkId link, const Buffer& bytes) {
  Session* session = find(link);
  if (!session) return;
  session->heard_ms = core_->now().monotonic_ms;
  auto decoded = wire::decode(bytes);
  if (!decoded.ok()) return refuse(link, decoded.status());
  if (!decoded->has_value()) return;  // a newer peer's; may be ignored
  wire::Message& message = **decoded;
  if (auto* refused = std::get_if<wire::Refuse>(&message)) {
    Status why(refused->code == PINNATE_OK ? PINNATE_REFUSED : refused->code,
               "refused by the peer: " + cut_reason(refused->reason));
    if (Kept* kept = kept_of(link);
        kept && why.code() == PINNATE_CONFLICT && session->side == Side::upstream && upstream())
      kept->held_by = upstream()->peer.id;
    else if (kept && why.code() == PINNATE_CONFLICT && !session->peer.id.empty() && downstream(session->peer.id))
      kept->held_by = session->peer.id;
    core_->act(Drop{link, why});
    return ended(link, why);
  }
  if (!session->up) {
    if (auto* hello = std::get_if<wire::Hello>(&message)) return take_hello(*session, *hello);
    if (std::holds_alternative<wire::Welcome>(message) && session->greeted && !session->welcomed) {
      session->welcomed = true;
      if (session->side == Side::upstream) owner_->message(*session, message);  // inherited labels
      session = find(link);
      if (session && session->admitted) come_up(*session);
      return;
    }
    return refuse(link, {PINNATE_REFUSED, "a message before the handshake was done"});
  }
  if (auto* ping = std::get_if<wire::Ping>(&message)) return core_->send(link, wire::Pong{ping->nonce});
  if (std::holds_alternative<wire::Pong>(message)) return;
  if (std::holds_alternative<wire::Hello>(message) || std::holds_alternative<wire::Welcome>(message))
    return refuse(link, {PINNATE_REFUSED, "a second handshake on one link"});
  owner_->message(*session, message);
}

void Links::heard(LinkId link) {
  if (Session* session = find(link)) session->heard_ms = core_->now().monotonic_ms;
}

void Links::drained(LinkId link, Drained drained) {
  Session* session = find(link);
  if (!session || !session->up) return;
  session->calls_bytes -= std::min(session->calls_bytes, drained.calls);
  if (drained.bulk == 0) return;
  session->bulk_room = std::min(session->bulk_room + static_cast<std::int64_t>(drained.bulk), kBulkRoomBytes);
  session->bulk_pace.drained(core_->now().monotonic_ms, drained.bulk);
  owner_->room(*session);
}

void BulkPace::handed(std::int64_t now_ms, std::size_t bytes) {
  if (handed_ == 0) since_ms_ = now_ms;
  handed_ += bytes;
}

void BulkPace::drained(std::int64_t now_ms, std::size_t bytes) {
  handed_ -= std::min(handed_, bytes);
  const auto took_ms = static_cast<std::size_t>(std::max<std::int64_t>(now_ms - since_ms_, 1));
  since_ms_ = now_ms;
  // Not more than twice as much at once: what the link takes first goes to buffers of the kernel.
  const std::size_t most = std::min<std::size_t>(2 * limit_, kBulkRoomBytes);
  limit_ = std::clamp<std::size_t>(bytes * kBulkAheadMs / took_ms, kChunkBytes, std::max(kChunkBytes, most));
}

void Links::watch(Session& session) {
  const std::int64_t beat = core_->options().heartbeat_ms, silent = core_->now().monotonic_ms - session.heard_ms;
  const LinkId link = session.link;
  if (silent >= 3 * beat) return refuse(link, {PINNATE_TIMEOUT, "silent for " + std::to_string(silent) + " ms"});
  if (silent >= beat) core_->send(link, wire::Ping{core_->random().next() >> 1});
  session.watch = core_->alarm_in(silent >= beat ? beat : beat - silent, [this, link] {
    if (Session* s = find(link)) {
      s->watch = 0;
      watch(*s);
    }
  });
}

// ---- ends ---------------------------------------------------------------------------------------------------------

void Links::refuse(LinkId link, Status why) {
  Session* session = find(link);
  if (!session) return;
  core_->send(link, wire::Refuse{why.code(), cut_reason(why.message())});
  core_->act(Drop{link, why});
  ended(link, why);
}

void Links::closed(LinkId link, const Status& why) { ended(link, why); }

void Links::ended(LinkId link, const Status& why) {
  const auto found = sessions_.find(link);
  if (found == sessions_.end()) return;
  const std::unique_ptr<Session> session = std::move(found->second);
  sessions_.erase(found);
  core_->cancel_alarm(&session->watch);
  if (upstream_ == link) upstream_ = 0;
  if (const auto below = below_.find(session->peer.id); below != below_.end() && below->second == link)
    below_.erase(below);

  // Clients come and go; a tier does not.
  const bool tier = session->up && session->peer.role != wire::Role::client;
  const bool told = session->up || why.code() == PINNATE_CORRUPT;  // what is no peer at all may be a wrong address
  core_->log(
      tier   ? PINNATE_LOG_WARNING
      : told ? PINNATE_LOG_INFO
             : PINNATE_LOG_DEBUG,
      (session->peer.id.empty() ? "a link" : "the link to " + named(session->peer)) + " ended: " + why.message());
  if (Kept* kept = kept_of(link)) {
    kept->link = 0;
    // A peer that ends each link soon after it is up is not dialled without a pause.
    if (session->up && core_->now().monotonic_ms - session->up_ms >= kSettledMs) kept->backoff.reset();
    if (!session->up) {
      core_->log(answered_no(why) ? PINNATE_LOG_WARNING : PINNATE_LOG_INFO,
                 "no link to " + kept->address + ": " + why.message());
      owner_->dial_failed(why);
    }
    if (kept->held_by.empty()) redial_later(*kept, session->up);
  }
  if (session->up) owner_->link_down(*session, why);
  // Kept links that stood back for this one dial again.
  for (auto& kept : kept_)
    if (!kept->held_by.empty() && kept->held_by == session->peer.id &&
        (session->side == Side::upstream ? !upstream() : !downstream(kept->held_by))) {
      kept->held_by.clear();
      if (kept->link == 0) redial_later(*kept, true);
    }
}

void Links::say_goodbye(bool forget) {
  leaving_ = true;
  for (auto& kept : kept_) core_->cancel_alarm(&kept->redial);
  std::vector<LinkId> links;
  for (auto& [link, session] : sessions_) {
    if (session->up) core_->send(link, wire::Goodbye{forget});
    links.push_back(link);
  }
  for (LinkId link : links) {
    const Status why(PINNATE_CLOSED, std::string("the ") + role_name(role_) + " '" + core_->options().id + "' closes");
    core_->act(Drop{link, why});
    ended(link, why);
  }
}

}  // namespace pinnate::tier
