#include "tier/call_router.h"

#include "base/check.h"
#include "base/plant.h"

#include <algorithm>

namespace pinnate::tier {
namespace {
constexpr std::size_t kPendingPerLink = 4096;
constexpr std::size_t kCallOverheadBytes = 256;
constexpr std::size_t kAttempts = 3;
constexpr std::uint32_t kLongestCallMs = 600000;
constexpr std::size_t kRouteSteps = 32;

std::size_t bytes_of(const wire::Call& call) {
  std::size_t bytes =
      kCallOverheadBytes + call.function.size() + call.engine.size() + call.payload.size() + call.request_id.size();
  for (const std::string& step : call.route) bytes += step.size() + sizeof step;
  for (const auto& [key, value] : call.headers) bytes += key.size() + value.size();
  return bytes;
}

}  // namespace

void refuse_large(wire::Returned* returned) {
  if (returned->result.size() <= kCallLimitBytes) return;
  *returned = {returned->id,
               PINNATE_TOO_LARGE,
               "a result of " + std::to_string(returned->result.size()) + " bytes; " + std::to_string(kCallLimitBytes) +
                   " are allowed",
               true,
               {}};
}

void CallRouter::take(LinkId from, const wire::Call& call) {
  const auto refuse = [&](Code code, std::string reason) {
    answer(from, wire::Returned{call.id, code, cut_reason(std::move(reason)), false, {}});
  };
  if (Status s = check_function_name(call.function); !s.ok()) return refuse(s.code(), s.message());
  if (call.payload.size() > kCallLimitBytes)
    return refuse(PINNATE_TOO_LARGE, "a payload of " + std::to_string(call.payload.size()) + " bytes; " +
                                         std::to_string(kCallLimitBytes) + " are allowed");
  if (Status s = check_headers(call.headers); !s.ok()) return refuse(s.code(), s.message());
  if (call.route.size() > kRouteSteps)
    return refuse(PINNATE_INVALID, "a route over more than " + std::to_string(kRouteSteps) + " tiers");
  for (const std::string& step : call.route)
    if (Status s = check_tier_id(step); !s.ok()) return refuse(PINNATE_INVALID, "in the route: " + s.message());
  const auto load = traffic_.find(from);
  if (load != traffic_.end() && load->second.asked.contains(call.id))
    return refuse(PINNATE_INVALID, "call " + std::to_string(call.id) + " is under way already on this link");
  const std::size_t bytes = bytes_of(call);
  if (load != traffic_.end() && !PINNATE_PLANT(calls_without_limit)) {
    const Traffic& traffic = load->second;
    if (traffic.asked.size() >= kPendingPerLink)
      return refuse(PINNATE_BUSY, "more than " + std::to_string(kPendingPerLink) + " calls are under way on one link");
    if (traffic.asked_bytes + bytes > most_under_way() && !PINNATE_PLANT(call_bytes_without_limit))
      return refuse(PINNATE_BUSY, "calls of " + std::to_string(traffic.asked_bytes) +
                                      " bytes are under way on one link; " + std::to_string(most_under_way()) +
                                      " are allowed");
  }
  const Id id = next_++;
  Traffic& traffic = traffic_[from];
  traffic.asked.emplace(call.id, id);
  traffic.asked_bytes += bytes;
  Pending& pending = pending_[id];
  pending.from = from;
  pending.asked_as = call.id;
  pending.call = call;
  pending.bytes = bytes;
  const std::uint32_t timeout_ms = std::clamp<std::uint32_t>(call.timeout_ms, 1, kLongestCallMs);
  pending.deadline_ms = core_->now().monotonic_ms + timeout_ms;
  pending.limit = core_->alarm_in(timeout_ms, [this, id, timeout_ms] {
    Pending& late = pending_.at(id);
    if (PINNATE_PLANT(call_answered_twice))
      return core_->send(late.from, wire::Returned{late.asked_as, PINNATE_TIMEOUT, "no result in time", true, {}});
    give_up(id, late);
    fail(id, PINNATE_TIMEOUT, "no result within " + std::to_string(timeout_ms) + " ms");
  });
  route(id);
}

void CallRouter::take_off(LinkId link, bool sent, Id id, std::size_t bytes) {
  Traffic& traffic = traffic_[link];
  std::size_t& held = sent ? traffic.sent_bytes : traffic.asked_bytes;
  const bool listed = (sent ? traffic.sent.erase(id) : traffic.asked.erase(id)) == 1;
  if (!PINNATE_CHECK(listed && held >= bytes, "a call ended on a link where it was not under way")) {
    core_->soon([this, link] { links_->refuse(link, defect()); });
    bytes = std::min(bytes, held);
  }
  held -= bytes;
  if (traffic.asked.empty() && traffic.sent.empty()) traffic_.erase(link);
}

// More than a link may hold would end it, and every call that is under way there.
bool CallRouter::has_room(LinkId via, const Pending& pending) const {
  if (PINNATE_PLANT(call_bytes_without_limit)) return true;
  const auto load = traffic_.find(via);
  const Session* const session = links_->find(via);
  return (load == traffic_.end() ? 0 : load->second.sent_bytes) + pending.bytes <= most_under_way() &&
         (!session || session->calls_bytes + pending.bytes <= most_waiting());
}

const Session* CallRouter::above(const Pending& pending) const {
  const Session* upstream = links_->upstream();
  return upstream && pending.from != upstream->link ? upstream : nullptr;
}

void CallRouter::leave(Id id, Pending& pending) {
  if (pending.via != 0) take_off(std::exchange(pending.via, 0), true, id, pending.bytes);
}

void CallRouter::give_up(Id id, Pending& pending) {
  if (pending.via != 0) core_->send(pending.via, wire::Cancel{id});
  if (pending.here == 0) return;
  core_->forget_order(pending.here);
  core_->act(GiveUp{pending.here});
}

void CallRouter::route(Id id) {
  Pending& pending = pending_.at(id);
  const wire::Call& call = pending.call;
  const std::string& self = core_->options().id;
  if (!local_ && !call.route.empty()) {
    const Session* next = links_->downstream(call.route[0]);
    if (!next) return fail(id, PINNATE_UNREACHABLE, "'" + call.route[0] + "' is not linked to '" + self + "'");
    return forward(id, next->link, {call.route.begin() + 1, call.route.end()});
  }
  if (const std::string need = content::unknown_need(call.needs); !need.empty())
    return fail(id, PINNATE_UNSUPPORTED,
                "the call needs the feature '" + need + "', which '" + self + "' does not know");
  if (!call.version.empty() || !call.selector.empty())
    return fail(id, PINNATE_UNSUPPORTED,
                "the call asks for a version or a selector, and '" + self + "' chooses by name or engine alone");
  if (!call.route.empty() && (call.route.size() > 1 || call.route[0] != self))
    return fail(id, PINNATE_NOT_FOUND,
                "the route goes on to '" + call.route.back() + "', and '" + self + "' is an engine");
  if (local_ && (call.engine.empty() || call.engine == self)) {
    const std::int64_t left_ms = std::max<std::int64_t>(1, pending.deadline_ms - core_->now().monotonic_ms);
    pending.here = local_(call, static_cast<std::uint32_t>(left_ms), [this, id](wire::Returned r) {
      if (pending_.contains(id)) end(id, std::move(r));
    });
    if (pending.here != 0) return;
    const Session* upstream = above(pending);
    if (call.engine != self && !links_->upstream())  // others may serve it
      return fail(id, PINNATE_UNREACHABLE, "'" + self + "' serves no '" + call.function + "' and is not linked");
    if (call.engine == self || !upstream) return fail(id, PINNATE_NOT_FOUND, nobody_serves(call.function));
    return forward(id, upstream->link, {});
  }
  call.engine.empty() ? choose(id) : seek(id);
}

// Any below that serve the function and were not tried; else above.
void CallRouter::choose(Id id) {
  Pending& pending = pending_.at(id);
  const std::string& function = pending.call.function;
  const auto tried = [&](LinkId link) {
    return std::find(pending.tried.begin(), pending.tried.end(), link) != pending.tried.end();
  };
  const auto& serving = directory_->serving(function);
  const std::size_t first = serving.empty() ? 0 : core_->random().below(serving.size());
  bool someone_serves = false;
  for (std::size_t i = 0; i < serving.size(); ++i) {
    const LinkId link = serving[(first + i) % serving.size()]->link;
    const Session* const session = links_->find(link);
    if (tried(link) || (session && session->resting)) continue;
    if (has_room(link, pending)) return forward(id, link, {});
    someone_serves = true;
  }
  if (someone_serves) return fail(id, PINNATE_BUSY, full(function));
  if (const Session* upstream = above(pending); upstream && !tried(upstream->link))
    return forward(id, upstream->link, {});
  if (!pending.busy.empty()) return fail(id, PINNATE_BUSY, pending.busy);
  fail(id, state_->publishes(function) ? PINNATE_UNREACHABLE : PINNATE_NOT_FOUND, nobody_serves(function));
}

// To the one engine that is asked for. Calls that look for the same one look together.
void CallRouter::seek(Id id) {
  Pending& pending = pending_.at(id);
  const std::string& engine = pending.call.engine;
  if (!finder_) return sought(id, {});
  const Session* next = links_->downstream(engine);
  if (next && next->resting)
    return fail(id, PINNATE_UNREACHABLE, "engine '" + engine + "' is about to end and takes no new call");
  if (next && next->peer.role == wire::Role::engine) return forward(id, next->link, {});
  pending.by_memory = false;
  if (const auto* route = finder_->remembered(engine)) {
    next = route->empty() ? above(pending) : links_->downstream(route->front());
    pending.by_memory = next != nullptr;
    if (next) return forward(id, next->link, {route->begin() + !route->empty(), route->end()});
  }
  const std::pair key(engine, pending.call.function);
  seeking_[key].push_back(id);
  if (seeking_[key].size() > 1) return;
  wire::Lookup lookup;
  lookup.engine = engine;
  lookup.name = key.second;
  lookup.limit = 1;
  finder_->find(lookup, [this, key](const wire::Tiers& found) {
    const auto waiting = seeking_.extract(key);
    for (Id each : waiting.mapped())
      if (pending_.contains(each)) sought(each, found);  // else it ended meanwhile
  });
}

void CallRouter::sought(Id id, const wire::Tiers& found) {
  Pending& pending = pending_.at(id);
  const std::string engine = "engine '" + pending.call.engine + "'", &self = core_->options().id;
  if (!found.rows.empty() && found.rows[0].online) {
    const auto route = EngineFinder::route_to(found.rows[0]);
    const Session* next = links_->downstream(route[0]);
    if (!next) return fail(id, PINNATE_UNREACHABLE, "'" + route[0] + "' was lost meanwhile");
    return forward(id, next->link, {route.begin() + 1, route.end()});
  }
  if (const Session* upstream = above(pending)) return forward(id, upstream->link, {});  // it may have moved elsewhere
  if (!found.rows.empty()) return fail(id, PINNATE_UNREACHABLE, engine + " is offline");
  if (found.code != PINNATE_OK)
    return fail(id, found.code == PINNATE_BUSY ? PINNATE_BUSY : PINNATE_UNREACHABLE,
                engine + " was not found below '" + self + "', where " + found.reason);
  fail(id, PINNATE_NOT_FOUND, "no " + engine + " is linked below '" + self + "'");
}

void CallRouter::forward(Id id, LinkId via, std::vector<std::string> route) {
  Pending& pending = pending_.at(id);
  if (!has_room(via, pending)) return fail(id, PINNATE_BUSY, full(pending.call.function));
  Traffic& traffic = traffic_[via];
  traffic.sent.insert(id);
  traffic.sent_bytes += pending.bytes;
  pending.via = via;
  pending.tried.push_back(via);
  wire::Call call = pending.call;
  call.id = id;
  call.route = std::move(route);
  call.timeout_ms =
      static_cast<std::uint32_t>(std::max<std::int64_t>(1, pending.deadline_ms - core_->now().monotonic_ms));
  Buffer message = wire::encode(call);
  if (Session* const session = links_->find(via)) session->calls_bytes += message.size();
  core_->send(via, wire::Class::call, std::move(message));
}

void CallRouter::take(LinkId from, const wire::Returned& returned) {
  const auto found = pending_.find(returned.id);
  if (found == pending_.end() || found->second.via != from) return;  // late, or not asked there
  Pending& pending = found->second;
  const wire::Call& call = pending.call;
  const bool again = pending.tried.size() < kAttempts;
  if (!call.engine.empty() && finder_) {
    const bool from_above = above(pending) != nullptr && above(pending)->link == from;
    if (from_above && returned.ran) finder_->remember(call.engine, {});
    // The tier above has looked here too; below, one that is not there any more is looked for anew.
    if (pending.by_memory && !returned.ran && (from_above || returned.code == PINNATE_UNREACHABLE)) {
      finder_->forget(call.engine);
      if (!from_above && again) return leave(returned.id, pending), seek(returned.id);
    }
  }
  const bool elsewhere =
      returned.code == PINNATE_NOT_FOUND || returned.code == PINNATE_UNREACHABLE || returned.code == PINNATE_BUSY;
  if (elsewhere && (!returned.ran || call.idempotent) && call.engine.empty() && again) {
    pending.ran_before |= returned.ran;
    if (returned.code == PINNATE_BUSY) pending.busy = returned.reason;
    leave(returned.id, pending);
    return route(returned.id);
  }
  end(returned.id, returned);
}

void CallRouter::cancel(LinkId from, Id asked_as) {
  const auto traffic = traffic_.find(from);
  if (traffic == traffic_.end()) return;
  const auto found = traffic->second.asked.find(asked_as);
  if (found == traffic->second.asked.end()) return;
  const Id id = found->second;
  give_up(id, pending_.at(id));
  fail(id, PINNATE_CANCELLED, "cancelled by the caller");
}

void CallRouter::link_down(LinkId link) {
  const auto gone = traffic_.extract(link);
  if (!gone) return;
  for (const auto& [asked_as, id] : gone.mapped().asked) {
    Pending& pending = pending_.at(id);
    if (pending.via == link) pending.via = 0;
    give_up(id, pending);
    leave(id, pending);
    pending_.erase(id);
  }
  for (Id id : gone.mapped().sent) {
    const auto found = pending_.find(id);
    if (found == pending_.end()) continue;
    Pending& pending = found->second;
    pending.via = 0;
    pending.ran_before = true;
    if (PINNATE_PLANT(call_forgotten_on_reset)) {
      take_off(pending.from, false, pending.asked_as, pending.bytes);
      pending_.erase(id);
    } else if ((pending.call.idempotent || PINNATE_PLANT(call_sent_again)) && pending.tried.size() < kAttempts) {
      route(id);
    } else {
      fail(id, PINNATE_INTERRUPTED, "the link was lost after the call was sent: it may or may not have run");
    }
  }
}

void CallRouter::end(Id id, wire::Returned returned) {
  auto ended = pending_.extract(id);
  if (!ended) return;
  Pending& pending = ended.mapped();
  take_off(pending.from, false, pending.asked_as, pending.bytes);
  leave(id, pending);
  refuse_large(&returned);
  returned.id = pending.asked_as;
  returned.ran |= pending.ran_before;
  returned.reason = cut_reason(std::move(returned.reason));
  answer(pending.from, std::move(returned));
}

// A result that does not fit what a link may hold is lost, in words, and not the link with it.
void CallRouter::answer(LinkId to, wire::Returned returned) {
  if (to == kHostLink) return core_->send(to, returned);
  Session* const session = links_->find(to);
  if (!session) return;
  Buffer message = wire::encode(returned);
  if (!returned.result.empty() && session->calls_bytes + message.size() > most_waiting()) {
    returned.code = PINNATE_INTERRUPTED;  // BUSY tells whoever asked that it did not run
    returned.reason = "it ran, and its result of " + std::to_string(returned.result.size()) +
                      " bytes is lost: " + std::to_string(session->calls_bytes) +
                      " bytes wait on the link over which it was asked for";
    returned.result = {};
    message = wire::encode(returned);
  }
  session->calls_bytes += message.size();
  core_->send(to, wire::Class::call, std::move(message));
}

// Of calls that wait for their results, on one link; the rest is for what else goes over it.
std::size_t CallRouter::most_under_way() const { return core_->options().link_limit_bytes / 4 * 3; }
// Of calls and results that the link has not taken.
std::size_t CallRouter::most_waiting() const { return core_->options().link_limit_bytes / 8 * 7; }

void CallRouter::fail(Id id, Code code, std::string reason) {
  const Pending& pending = pending_.at(id);
  end(id, {0, code, std::move(reason), pending.via != 0 || pending.here != 0 || pending.ran_before, {}});
}

std::string CallRouter::full(const std::string& function) const {
  return "calls that wait for their results fill the links from '" + core_->options().id + "' to those that serve '" +
         function + "'";
}

std::string CallRouter::nobody_serves(const std::string& function) const {
  if (!state_->publishes(function)) return "no function '" + function + "' is published";
  return "no engine in reach of '" + core_->options().id + "' serves '" + function + "' now; see the status of '" +
         function + "'";
}

}  // namespace pinnate::tier
