#include "tier/links.h"

#include "base/plant.h"

#include <algorithm>

namespace pinnate::tier {
namespace {

constexpr std::int64_t kHandshakeLimitMs = 10000;
constexpr std::int64_t kSettledMs = 2000;
constexpr std::int64_t kLeavingMs = 1000;  // after a goodbye

// A peer that has not said who it is goes by its address, unless `why` names that already.
std::string named(const Session& session, const Status& why) {
  if (!session.peer.id.empty()) return "the link to " + tier::named(session.peer);
  const std::string address = session.facts.text();
  if (why.message().find(address) != std::string::npos) return "a link";
  return (session.dialled ? "the link to " : "a link from ") + address;
}

}  // namespace

const char* role_name(wire::Role role) {
  constexpr const char* kNames[] = {"controller", "gateway", "engine", "client"};
  return role <= wire::Role::client ? kNames[static_cast<std::size_t>(role)] : "tier";
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

Endpoints::Dialled Links::dial(Side side, const std::string& address, std::uint32_t limit_ms) {
  // One way up is enough. Another address is dialled when that way is lost.
  if (Session* up = upstream(); up && side == Side::upstream) return {0, up->peer.id};
  auto session = std::make_unique<Session>();
  session->link = core_->new_dialled_link();
  session->dialled = true;
  session->side = side;
  session->facts.address = address;
  const LinkId link = session->link;
  sessions_.emplace(link, std::move(session));
  if (side == Side::downstream) ++dials_.all;
  core_->act(Dial{link, address, limit_ms});
  return {link, {}};
}

EndpointId Links::keep(Side side, const std::string& address) {
  const EndpointId id = endpoints_.add(side, address);
  if (id == 0)
    core_->log(PINNATE_LOG_ERROR,
               address + " is not dialled: " + std::to_string(kEndpoints) + " addresses are dialled already");
  return id;
}

void Links::release(EndpointId endpoint, bool keep_up) {
  const auto [link, dialling] = endpoints_.retire(endpoint);
  const Status why(PINNATE_CANCELLED, "it is dialled no more");
  if (dialling)
    drop(link, why);
  else if (link != 0 && !keep_up)
    refuse(link, why);
  endpoints_.remove(endpoint);
}

void Links::rest(EndpointId endpoint, bool resting) {
  const Endpoints::Facts* const facts = endpoints_.facts(endpoint);
  if (!facts) return;
  if (Session* const session = facts->link != 0 ? find(facts->link) : downstream(facts->held_by))
    session->resting = resting;
  endpoints_.rest(endpoint, resting);
}

Links::Standing Links::standing(EndpointId endpoint) {
  using wire::MemberState;
  const Endpoints::Facts* const facts = endpoints_.facts(endpoint);
  if (!facts) return {};
  const Session* const session = find(facts->link);
  if (session && session->up()) return {MemberState::linked, session->peer.id, {}};
  if (facts->resting) return {MemberState::ending, {}, {}};
  const std::string& why = facts->last.message();
  if (!facts->held_by.empty() && downstream(facts->held_by)) return {MemberState::elsewhere, facts->held_by, {}};
  if (answered_no(facts->last) || facts->last.code() == PINNATE_CONFLICT) return {MemberState::refused, {}, why};
  return {session ? MemberState::dialling : MemberState::waiting, {}, why};
}

void Links::renew_upstream(const Status& why) {
  const Session* const up = upstream();
  if (!up) return;
  const EndpointId endpoint = endpoints_.of_link(up->link);
  refuse(up->link, why);
  endpoints_.dial_now(endpoint);
}

void Links::opened(LinkId link, const PeerFacts& facts) {
  Session* session = find(link);
  if (!session) {
    auto accepted = std::make_unique<Session>();
    accepted->link = link;
    session = sessions_.emplace(link, std::move(accepted)).first->second.get();
  }
  endpoints_.landed(link);
  session->facts = facts;
  session->heard_ms = core_->now().monotonic_ms;
  session->bulk_room = kBulkRoomBytes;
  session->watch = core_->alarm_in(kHandshakeLimitMs, [this, link] {
    refuse(link, {PINNATE_TIMEOUT, "no handshake within " + std::to_string(kHandshakeLimitMs) + " ms"});
  });
  // Who dialled speaks first: a tier learns what a stranger claims before it shows its own name.
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
  hello.features = wire::kFeatures;
  owner_of(session.side).fill_hello(&hello);
  core_->send(session.link, hello);
}

// ---- the handshake ------------------------------------------------------------------------------

Status Links::judge(Session& session, const wire::Hello& hello) {
  using wire::Role;
  if (hello.version_min > wire::kProtocolVersion || hello.version_max < wire::kProtocolVersion)
    return {PINNATE_INCOMPATIBLE, "protocol versions " + std::to_string(hello.version_min) + " to " +
                                      std::to_string(hello.version_max) + " and " +
                                      std::to_string(wire::kProtocolVersion) + " have none in common"};
  session.version = std::min(hello.version_max, wire::kProtocolVersion);
  session.features = hello.features & wire::kFeatures;
  if (const std::uint64_t unknown = hello.needs & ~wire::kFeatures; unknown != 0)
    return {PINNATE_INCOMPATIBLE,
            "it needs features of this protocol that are not known here, by bits " + std::to_string(unknown)};
  if (Status s = check_fleet(hello.fleet); !s.ok()) return s;
  if (hello.fleet != core_->options().fleet)
    return {PINNATE_REFUSED, "fleet '" + hello.fleet + "' is not '" + core_->options().fleet + "'"};
  if (!hello.tenant.empty()) return {PINNATE_REFUSED, "tenant '" + hello.tenant + "' is not known here"};
  if (hello.auth_method != "none")
    return {PINNATE_REFUSED, "authentication method '" + hello.auth_method + "' is not known here"};
  if (!hello.auth_payload.empty())  // it would be kept as long as the tier is known
    return {PINNATE_REFUSED, "authentication method 'none' has no payload"};
  if (Status s = check_tier_id(hello.id); !s.ok()) return s;
  if (hello.incarnation == 0) return {PINNATE_INVALID, "the incarnation of '" + hello.id + "' is 0"};
  if (Status s = check_labels(hello.labels); !s.ok()) return s;
  if (hello.role == Role::engine)
    if (Status s = check_platform(hello.platform); !s.ok()) return s;

  // Roles are in their order from the top. Only of two gateways either may be above.
  const Side claimed = hello.facing == 1 ? Side::downstream : hello.facing == 2 ? Side::upstream : Side::unknown;
  Side side = hello.role < role_ ? Side::upstream : hello.role > role_ ? Side::downstream : Side::unknown;
  if (role_ == Role::gateway && hello.role == Role::gateway)
    side = session.side != Side::unknown ? session.side : claimed;
  if (side == Side::unknown)
    return {PINNATE_REFUSED, std::string("a ") + role_name(role_) + " has no place for a " + role_name(hello.role)};
  if ((session.side != Side::unknown && session.side != side) || (claimed != Side::unknown && claimed != side))
    return {PINNATE_REFUSED, "the " + named(session.peer) + " cannot be " +
                                 (session.side == Side::upstream || hello.facing == 2 ? "above" : "below") + " the " +
                                 role_name(role_) + " '" + core_->options().id + "'"};
  if (hello.id == core_->options().id && hello.role == role_)
    return {PINNATE_CONFLICT, "the id '" + hello.id + "' is this " + role_name(role_) + "'s own"};
  session.side = side;
  return {};
}

// Between the same two lives the link that the lower tier dialled stays; of two dialled by the same
// end the newer, since that end knows that its older one is dead. The upper tier decides.
Status Links::check_place(const Session& session, const Session* other) const {
  if (other->peer.incarnation != session.peer.incarnation && !PINNATE_PLANT(twin_takes_over))
    return {PINNATE_CONFLICT, "another " + named(session.peer) + " is linked to " + role_name(role_) + " '" +
                                  core_->options().id + "'; ids must be unique in a fleet"};
  if (other->dialled != session.dialled && session.dialled)
    return {PINNATE_CONFLICT, "the " + named(session.peer) + " is linked already"};
  return {};
}

void Links::take_hello(Session& session, wire::Hello& hello) {
  if (session.stage != Session::Stage::greeting)
    return refuse(session.link, {PINNATE_REFUSED, "a second Hello on one link"});
  session.peer = {hello.role, hello.id, hello.incarnation, hello.position};
  session.hello = std::make_shared<const wire::Hello>(std::move(hello));
  Status why = judge(session, *session.hello);
  if (why.ok() && closing_)
    why = {PINNATE_CLOSED, std::string("the ") + role_name(role_) + " '" + core_->options().id + "' is closing"};
  if (why.ok()) why = owner_of(session.side).admit(session);
  Session* other = nullptr;
  auto level = PINNATE_LOG_WARNING;
  if (why.ok() && session.side == Side::upstream) {
    other = upstream();
    if (other && (other->peer.id != session.peer.id || other->peer.incarnation != session.peer.incarnation))
      why = {PINNATE_CONFLICT, std::string("the ") + role_name(role_) + " '" + core_->options().id +
                                   "' already has an upstream, " + named(other->peer)};
    else
      other = nullptr;  // the upper tier decides between the two
  } else if (why.ok() && session.peer.role != wire::Role::client) {
    other = downstream(session.peer.id);
    if (other) why = check_place(session, other);
    // It listens at two addresses, and both are dialled from here: the one that is linked is enough.
    if (other && why.ok() && other->dialled && session.dialled) {
      why = {PINNATE_CONFLICT, "the " + named(session.peer) + " is linked already, under another address"};
      level = PINNATE_LOG_INFO;  // nothing is wrong with it
    }
  }
  if (!why.ok()) {
    if (other) endpoints_.hold(session.link, other->peer.id);
    return refuse_hello(session, why, level);
  }
  if (other) {  // the new link replaces it
    const LinkId old = other->link;
    endpoints_.hold(old, session.peer.id);
    refuse(old, {PINNATE_CONFLICT, "replaced by another link between the two"});
  }
  if (!session.dialled) greet(session);
  session.stage = Session::Stage::admitted;
  wire::Welcome welcome;
  if (session.side == Side::downstream) downstream_owner_->fill_welcome(&welcome);
  session.told = welcome.inherited;
  core_->send(session.link, welcome);
}

void Links::come_up(Session& session) {
  if (session.side == Side::upstream) {
    // The upstream kept this one, so the other is the one that ends.
    if (Session* other = upstream(); other && other != &session)
      refuse(other->link, {PINNATE_CONFLICT, "replaced by another link between the two"});
    upstream_ = session.link;
  } else if (session.peer.role != wire::Role::client) {
    // Two handshakes under one id may have been under way at once, and both were admitted.
    if (Session* other = downstream(session.peer.id); other && other != &session) {
      if (Status why = check_place(session, other); !why.ok()) return refuse_hello(session, why);
      const LinkId old = other->link;
      endpoints_.hold(old, session.peer.id);
      below_[session.peer.id] = session.link;  // before that one ends: who stands back for this peer goes on to do so
      refuse(old, {PINNATE_CONFLICT, "replaced by another link between the two"});
    }
    below_[session.peer.id] = session.link;
  }
  session.stage = Session::Stage::up;
  session.up_ms = core_->now().monotonic_ms;
  if (const auto* facts = endpoints_.facts(endpoints_.of_link(session.link))) session.resting = facts->resting;
  watch(session);
  core_->log(PINNATE_LOG_INFO, std::string(session.side == Side::upstream ? "upstream " : "downstream ") +
                                   named(session.peer) + " is linked");
  const LinkId link = session.link;
  tell(session, TellLink::State::up, endpoints_.of_link(link));
  owner_of(session.side).link_up(session);
  if (Session* up = find(link)) up->hello.reset();
}

// ---- messages and silence -----------------------------------------------------------------------

void Links::received(LinkId link, Buffer bytes) {
  Session* session = find(link);
  if (!session) return;
  session->heard_ms = core_->now().monotonic_ms;
  const std::uint8_t type = wire::type_of(bytes.view());
  if (type == wire::kCallType && wire::may_come(type, way_of(*session))) return take_call(*session, std::move(bytes));
  if (type == wire::kReturnedType && wire::may_come(type, way_of(*session)))
    return take_returned(*session, std::move(bytes));
  auto decoded = wire::decode(bytes, way_of(*session));
  if (!decoded.ok()) return refuse(link, decoded.status());
  if (!decoded->has_value()) return;  // a newer peer's; may be ignored
  wire::Message& message = **decoded;
  if (auto* refused = std::get_if<wire::Refuse>(&message)) {
    Status why(refused->code == PINNATE_OK ? PINNATE_REFUSED : refused->code,
               "refused by the peer: " + cut_reason(refused->reason));
    if (why.code() == PINNATE_CONFLICT && session->side == Side::upstream && upstream())
      endpoints_.hold(link, upstream()->peer.id);
    else if (why.code() == PINNATE_CONFLICT && !session->peer.id.empty() && downstream(session->peer.id))
      endpoints_.hold(link, session->peer.id);
    return drop(link, why);
  }
  if (!session->up()) {
    if (auto* hello = std::get_if<wire::Hello>(&message)) return take_hello(*session, *hello);
    if (session->stage != Session::Stage::admitted) return refuse(link, {PINNATE_REFUSED, "a Welcome before a Hello"});
    if (session->side == Side::upstream) upstream_owner_->message(*session, message);  // inherited labels
    session = find(link);
    if (session) come_up(*session);
    return;
  }
  if (auto* ping = std::get_if<wire::Ping>(&message)) return core_->send(link, wire::Pong{ping->nonce});
  if (std::holds_alternative<wire::Pong>(message)) return;
  if (auto* goodbye = std::get_if<wire::Goodbye>(&message)) return take_goodbye(*session, *goodbye);
  owner_of(session->side).message(*session, message);
}

void Links::take_call(Session& session, Buffer bytes) {
  auto call = wire::read_call(std::move(bytes));
  if (!call.ok()) return refuse(session.link, call.status());
  owner_of(session.side).call(session, std::move(*call));
}

void Links::take_returned(Session& session, Buffer bytes) {
  auto returned = wire::read_returned(std::move(bytes));
  if (!returned.ok()) return refuse(session.link, returned.status());
  owner_of(session.side).returned(session, std::move(*returned));
}

wire::Way Links::way_of(const Session& session) const {
  using wire::Role, wire::Way;
  if (!session.up()) return Way::handshake;
  const bool down = session.side == Side::upstream;
  const Role role = down ? role_ : session.peer.role;
  if (role == Role::gateway) return down ? Way::down_to_gateway : Way::up_from_gateway;
  if (role == Role::engine) return down ? Way::down_to_engine : Way::up_from_engine;
  return down ? Way::down_to_client : Way::up_from_client;
}

// The peer closes the link, in a moment, when what is under way has gone out.
void Links::take_goodbye(Session& session, const wire::Goodbye& goodbye) {
  if (session.stage == Session::Stage::leaving) return;
  session.stage = Session::Stage::leaving;
  unlink(session);
  session.watch = core_->alarm_in(kLeavingMs, [this, link = session.link] { drop(link, {PINNATE_CLOSED, "it left"}); });
  owner_of(session.side).left(session, goodbye.forget);
}

void Links::unlink(const Session& session) {
  if (upstream_ == session.link) upstream_ = 0;
  const auto below = below_.find(session.peer.id);
  if (below != below_.end() && below->second == session.link) below_.erase(below);
}

void Links::heard(LinkId link) {
  if (Session* session = find(link)) session->heard_ms = core_->now().monotonic_ms;
}

void Links::drained(LinkId link, Drained drained) {
  Session* session = find(link);
  if (!session || !session->up()) return;
  session->calls_bytes -= std::min(session->calls_bytes, drained.calls);
  if (drained.bulk == 0) return;
  session->bulk_room = std::min(session->bulk_room + static_cast<std::int64_t>(drained.bulk), kBulkRoomBytes);
  session->bulk_pace.drained(core_->now().monotonic_ms, drained.bulk);
  owner_of(session->side).room(*session);
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
  session.watch = core_->alarm_in(silent >= beat ? beat : beat - silent, [this, link] { watch(*find(link)); });
}

// ---- ends ---------------------------------------------------------------------------------------

void Links::refuse(LinkId link, Status why) {
  Session* session = find(link);
  if (!session) return;
  core_->send(link, wire::Refuse{why.code(), cut_reason(why.message())});
  drop(link, why);
}

void Links::refuse_hello(const Session& session, const Status& why, pinnate_log_level level) {
  core_->log(level, "refused " + std::string(role_name(session.peer.role)) + " '" + session.peer.id.substr(0, 127) +
                        "': " + why.message());
  owner_of(session.side).refused(session, why);
  refuse(session.link, why);
}

void Links::drop(LinkId link, const Status& why) {
  core_->act(Drop{link, why});
  closed(link, why);
}

void Links::closed(LinkId link, const Status& why) {
  const auto found = sessions_.find(link);
  if (found == sessions_.end()) return;
  const std::unique_ptr<Session> session = std::move(found->second);
  sessions_.erase(found);
  unlink(*session);

  // Clients come and go; a tier does not.
  const bool left = session->stage == Session::Stage::leaving;
  const bool tier = session->up() && !left && !closing_ && session->peer.role != wire::Role::client;
  const bool told = session->up() || why.code() == PINNATE_CORRUPT;  // what is no peer at all may be a wrong address
  core_->log(tier   ? PINNATE_LOG_WARNING
             : told ? PINNATE_LOG_INFO
                    : PINNATE_LOG_DEBUG,
             named(*session, why) + (left ? " ended: it left" : " ended: " + why.message()));
  // All sites lose their controller at once. The calls of engines wait for their gateway.
  const bool spread = session->up() && role_ == wire::Role::gateway;
  if (const std::string* address = endpoints_.address_of(link); address && !session->up()) {
    if (session->side == Side::downstream) {
      ++dials_.failed;
      if (answered_no(why)) ++dials_.refused;
    }
    const Endpoints::Facts* const facts = endpoints_.facts(endpoints_.of_link(link));
    const bool again = facts->last.message() == why.message();  // told once, however often it is tried
    core_->log(again              ? PINNATE_LOG_DEBUG
               : answered_no(why) ? PINNATE_LOG_WARNING
                                  : PINNATE_LOG_INFO,
               "no link to " + *address + ": " + why.message());
    owner_of(session->side).dial_failed(why);
  }
  const EndpointId endpoint = endpoints_.of_link(link);
  endpoints_.ended(link, why, session->up() && core_->now().monotonic_ms - session->up_ms >= kSettledMs, spread);
  if (endpoint != 0 || session->up()) tell(*session, TellLink::State::down, endpoint, why);
  if (session->up()) owner_of(session->side).link_down(*session, why);
  // Wishes that stood back for this link are dialled again.
  if (session->side == Side::upstream ? !upstream() : !downstream(session->peer.id))
    endpoints_.released(session->peer.id, role_ == wire::Role::gateway);
}

void Links::tell(const Session& session, TellLink::State state, EndpointId endpoint, const Status& why) {
  core_->act(TellLink{state, endpoint, session.facts.address, session.peer.id, session.peer.role,
                      session.side == Side::upstream, why, endpoints_.again_in_ms(endpoint)});
}

void Links::say_goodbye(bool forget) {
  closing_ = true;
  endpoints_.stop();
  std::vector<LinkId> links;
  for (auto& [link, session] : sessions_) {
    if (session->up()) core_->send(link, wire::Goodbye{forget});
    links.push_back(link);
  }
  for (LinkId link : links)
    drop(link, {PINNATE_CLOSED, std::string("the ") + role_name(role_) + " '" + core_->options().id + "' closes"});
}

}  // namespace pinnate::tier
