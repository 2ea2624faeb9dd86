#include "tier/call_router.h"

#include "base/check.h"
#include "base/plant.h"

#include <algorithm>

namespace pinnate::tier {
namespace {
constexpr std::size_t kPendingPerLink = 4096;
constexpr std::size_t kCallOverheadBytes = 256;
constexpr std::uint32_t kLongestCallMs = 600000;
constexpr std::size_t kRouteSteps = 32;

const std::vector<std::string> kNoRoute;

std::uint32_t time_of(const wire::CallView& call) { return std::clamp<std::uint32_t>(call.timeout_ms, 1, kLongestCallMs); }

}  // namespace

wire::Returned too_large(std::uint64_t id, std::size_t bytes) {
  return {id,
          PINNATE_TOO_LARGE,
          "a result of " + std::to_string(bytes) + " bytes; " + std::to_string(kCallLimitBytes) + " are allowed",
          true,
          {}};
}

// What is wrong with the call itself, or with one more on its link.
Status CallRouter::check(LinkId from, const wire::CallView& call) const {
  if (Status s = check_function_name(call.function); !s.ok()) return s;
  if (call.payload.size() > kCallLimitBytes)
    return {PINNATE_TOO_LARGE, "a payload of " + std::to_string(call.payload.size()) + " bytes; " +
                                   std::to_string(kCallLimitBytes) + " are allowed"};
  if (call.has_headers)
    if (Status s = check_headers(call.whole().headers); !s.ok()) return s;
  if (call.steps > kRouteSteps)
    return {PINNATE_INVALID, "a route over more than " + std::to_string(kRouteSteps) + " tiers"};
  if (call.steps > 0)
    for (const std::string& step : call.route())
      if (Status s = check_tier_id(step); !s.ok()) return {PINNATE_INVALID, "in the route: " + s.message()};
  const auto load = traffic_.find(from);
  if (load == traffic_.end()) return {};
  const Traffic& traffic = load->second;
  if (traffic.asked.contains(call.id))
    return {PINNATE_INVALID, "call " + std::to_string(call.id) + " is under way already on this link"};
  if (PINNATE_PLANT(calls_without_limit)) return {};
  if (traffic.asked.size() >= kPendingPerLink)
    return {PINNATE_BUSY, "more than " + std::to_string(kPendingPerLink) + " calls are under way on one link"};
  if (traffic.asked_bytes + kCallOverheadBytes + call.bytes.size() > most_under_way() &&
      !PINNATE_PLANT(call_bytes_without_limit))
    return {PINNATE_BUSY, "calls of " + std::to_string(traffic.asked_bytes) + " bytes are under way on one link; " +
                              std::to_string(most_under_way()) + " are allowed"};
  if (pending_.full()) return {PINNATE_BUSY, "too many calls are under way"};
  return {};
}

void CallRouter::take(LinkId from, wire::CallView call) {
  if (Status s = check(from, call); !s.ok())
    return answer({from, call.id, false},
                  wire::encode_returned({call.id, s.code(), cut_reason(s.message()), false, {}}), 0);
  const auto [id, added] = pending_.add();
  Pending& pending = *added;
  pending.bytes = kCallOverheadBytes + call.bytes.size();
  pending.from = from;
  pending.asked_as = call.id;
  pending.call = std::move(call);
  Traffic& traffic = traffic_[from];
  traffic.asked.add(pending.asked_as, id);
  traffic.asked_bytes += pending.bytes;
  const std::uint32_t timeout_ms = time_of(pending.call);
  pending.deadline_ms = core_->now().monotonic_ms + timeout_ms;
  pending.limit = core_->alarm_in(timeout_ms, [this, id = id] { late(id); });
  route(id);
}

void CallRouter::late(Id id) {
  Pending& late = *pending_.find(id);
  if (PINNATE_PLANT(call_answered_twice))
    return core_->send(late.from, wire::Returned{late.asked_as, PINNATE_TIMEOUT, "no result in time", true, {}});
  give_up(id, late);
  fail(id, PINNATE_TIMEOUT, "no result within " + std::to_string(time_of(late.call)) + " ms");
}

void CallRouter::take_off_asked(const Pending& pending) {
  const auto traffic = traffic_.find(pending.from);
  if (traffic == traffic_.end()) return;  // the link is gone
  Traffic& load = traffic->second;
  const bool listed = load.asked.remove(pending.asked_as);
  if (!PINNATE_CHECK(listed && load.asked_bytes >= pending.bytes, "a call ended on a link where it was not under way"))
    core_->soon([this, link = pending.from] { links_->refuse(link, defect()); });
  load.asked_bytes -= std::min(load.asked_bytes, pending.bytes);
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

void CallRouter::leave(Pending& pending) {
  if (pending.via == 0) return;
  const auto traffic = traffic_.find(std::exchange(pending.via, 0));
  if (traffic == traffic_.end()) return;
  Traffic& load = traffic->second;
  if (!PINNATE_CHECK(load.sent > 0 && load.sent_bytes >= pending.bytes, "a call ended on a link where it was not sent"))
    core_->soon([this, link = traffic->first] { links_->refuse(link, defect()); });
  load.sent -= std::min<std::size_t>(load.sent, 1);
  load.sent_bytes -= std::min(load.sent_bytes, pending.bytes);
}

void CallRouter::give_up(Id id, Pending& pending) {
  if (pending.via != 0) core_->send(pending.via, wire::Cancel{id});
  if (pending.here == 0) return;
  core_->forget_order(pending.here);
  core_->act(GiveUp{pending.here});
}

void CallRouter::route(Id id) {
  Pending& pending = *pending_.find(id);
  const wire::CallView& call = pending.call;
  const std::string& self = core_->options().id;
  const std::vector<std::string> route = call.steps > 0 ? call.route() : std::vector<std::string>();
  if (!local_ && !route.empty()) {
    const Session* next = links_->downstream(route[0]);
    if (!next) return fail(id, PINNATE_UNREACHABLE, "'" + route[0] + "' is not linked to '" + self + "'");
    const std::vector<std::string> rest(route.begin() + 1, route.end());
    return forward(id, next->link, rest);
  }
  if (!call.plain) {
    const wire::Call whole = call.whole();
    if (const std::string need = content::unknown_need(whole.needs); !need.empty())
      return fail(id, PINNATE_UNSUPPORTED,
                  "the call needs the feature '" + need + "', which '" + self + "' does not know");
    if (!whole.version.empty() || !whole.selector.empty())
      return fail(id, PINNATE_UNSUPPORTED,
                  "the call asks for a version or a selector, and '" + self + "' chooses by name or engine alone");
  }
  if (!route.empty() && (route.size() > 1 || route[0] != self))
    return fail(id, PINNATE_NOT_FOUND, "the route goes on to '" + route.back() + "', and '" + self + "' is an engine");
  if (local_ && (call.engine.empty() || call.engine == self)) {
    const std::int64_t left_ms = std::max<std::int64_t>(1, pending.deadline_ms - core_->now().monotonic_ms);
    pending.here = local_(call, static_cast<std::uint32_t>(left_ms), [this, id](const wire::Returned& returned) {
      if (pending_.find(id)) end(id, returned);
    });
    if (pending.here != 0) return;
    const Session* upstream = above(pending);
    if (call.engine != self && !links_->upstream())  // others may serve it
      return fail(id, PINNATE_UNREACHABLE,
                  "'" + self + "' serves no '" + std::string(call.function) + "' and is not linked");
    if (call.engine == self || !upstream) return fail(id, PINNATE_NOT_FOUND, nobody_serves(call.function));
    return forward(id, upstream->link, kNoRoute);
  }
  call.engine.empty() ? choose(id) : seek(id);
}

// Any below that serve the function and were not tried; else above.
void CallRouter::choose(Id id) {
  Pending& pending = *pending_.find(id);
  const std::string_view function = pending.call.function;
  const auto& serving = directory_->serving(function);
  const std::size_t first = serving.empty() ? 0 : core_->random().below(serving.size());
  bool someone_serves = false;
  for (std::size_t i = 0; i < serving.size(); ++i) {
    const LinkId link = serving[(first + i) % serving.size()]->link;
    const Session* const session = links_->find(link);
    if (pending.tried_over(link) || (session && session->resting)) continue;
    if (has_room(link, pending)) return forward(id, link, kNoRoute);
    someone_serves = true;
  }
  if (someone_serves) return fail(id, PINNATE_BUSY, full(function));
  if (const Session* upstream = above(pending); upstream && !pending.tried_over(upstream->link))
    return forward(id, upstream->link, kNoRoute);
  if (!pending.busy.empty()) return fail(id, PINNATE_BUSY, pending.busy);
  fail(id, state_->publishes(function) ? PINNATE_UNREACHABLE : PINNATE_NOT_FOUND, nobody_serves(function));
}

// To the one engine that is asked for. Calls that look for the same one look together.
void CallRouter::seek(Id id) {
  Pending& pending = *pending_.find(id);
  const std::string engine(pending.call.engine);
  if (!finder_) return sought(id, {});
  const Session* next = links_->downstream(engine);
  if (next && next->resting)
    return fail(id, PINNATE_UNREACHABLE, "engine '" + engine + "' is about to end and takes no new call");
  if (next && next->peer.role == wire::Role::engine) return forward(id, next->link, kNoRoute);
  pending.by_memory = false;
  if (const auto* route = finder_->remembered(engine)) {
    next = route->empty() ? above(pending) : links_->downstream(route->front());
    pending.by_memory = next != nullptr;
    const std::vector<std::string> rest(route->begin() + !route->empty(), route->end());
    if (next) return forward(id, next->link, rest);
  }
  const std::pair key(engine, std::string(pending.call.function));
  seeking_[key].push_back(id);
  if (seeking_[key].size() > 1) return;
  wire::Lookup lookup;
  lookup.engine = engine;
  lookup.name = key.second;
  lookup.limit = 1;
  finder_->find(lookup, [this, key](const wire::Tiers& found) {
    const auto waiting = seeking_.extract(key);
    for (Id each : waiting.mapped())
      if (pending_.find(each)) sought(each, found);  // else it ended meanwhile
  });
}

void CallRouter::sought(Id id, const wire::Tiers& found) {
  Pending& pending = *pending_.find(id);
  const std::string engine = "engine '" + std::string(pending.call.engine) + "'", &self = core_->options().id;
  if (!found.rows.empty() && found.rows[0].online) {
    const auto route = EngineFinder::route_to(found.rows[0]);
    const Session* next = links_->downstream(route[0]);
    if (!next) return fail(id, PINNATE_UNREACHABLE, "'" + route[0] + "' was lost meanwhile");
    const std::vector<std::string> rest(route.begin() + 1, route.end());
    return forward(id, next->link, rest);
  }
  if (const Session* upstream = above(pending)) return forward(id, upstream->link, kNoRoute);  // it may have moved elsewhere
  if (!found.rows.empty()) return fail(id, PINNATE_UNREACHABLE, engine + " is offline");
  if (found.code != PINNATE_OK)
    return fail(id, found.code == PINNATE_BUSY ? PINNATE_BUSY : PINNATE_UNREACHABLE,
                engine + " was not found below '" + self + "', where " + found.reason);
  fail(id, PINNATE_NOT_FOUND, "no " + engine + " is linked below '" + self + "'");
}

void CallRouter::forward(Id id, LinkId via, const std::vector<std::string>& route) {
  Pending& pending = *pending_.find(id);
  if (!has_room(via, pending)) return fail(id, PINNATE_BUSY, full(pending.call.function));
  Traffic& traffic = traffic_[via];
  ++traffic.sent;
  traffic.sent_bytes += pending.bytes;
  pending.via = via;
  if (pending.again()) pending.tried[pending.tries++] = via;
  const std::int64_t left_ms = std::max<std::int64_t>(1, pending.deadline_ms - core_->now().monotonic_ms);
  Buffer message = wire::passed_on(pending.call, id, static_cast<std::uint32_t>(left_ms), route);
  if (Session* const session = links_->find(via)) session->calls_bytes += message.size();
  core_->send(via, wire::Class::call, std::move(message));
}

void CallRouter::take(LinkId from, wire::ReturnedView returned) {
  const Id id = returned.id;
  Pending* const found = pending_.find(id);
  if (!found || found->via != from) return;  // late, or not asked there
  Pending& pending = *found;
  const wire::CallView& call = pending.call;
  const bool again = pending.again();
  if (!call.engine.empty() && finder_) {
    const bool from_above = above(pending) != nullptr && above(pending)->link == from;
    const std::string engine(call.engine);
    if (from_above && returned.ran) finder_->remember(engine, {});
    // The tier above has looked here too; below, one that is not there any more is looked for anew.
    if (pending.by_memory && !returned.ran && (from_above || returned.code == PINNATE_UNREACHABLE)) {
      finder_->forget(engine);
      if (!from_above && again) return leave(pending), seek(id);
    }
  }
  const bool elsewhere =
      returned.code == PINNATE_NOT_FOUND || returned.code == PINNATE_UNREACHABLE || returned.code == PINNATE_BUSY;
  if (elsewhere && (!returned.ran || call.idempotent) && call.engine.empty() && again) {
    pending.ran_before |= returned.ran;
    if (returned.code == PINNATE_BUSY) pending.busy = returned.reason;
    leave(pending);
    return route(id);
  }
  end(id, std::move(returned));
}

void CallRouter::cancel(LinkId from, Id asked_as) {
  const auto traffic = traffic_.find(from);
  if (traffic == traffic_.end()) return;
  const Id* const found = traffic->second.asked.find(asked_as);
  if (!found) return;
  const Id id = *found;
  give_up(id, *pending_.find(id));
  fail(id, PINNATE_CANCELLED, "cancelled by the caller");
}

void CallRouter::link_down(LinkId link) {
  const auto gone = traffic_.extract(link);
  if (!gone || (gone.mapped().asked.empty() && gone.mapped().sent == 0)) return;
  std::vector<Id> asked, sent;
  pending_.each([&](Id id, const Pending& pending) {
    if (pending.from == link)
      asked.push_back(id);
    else if (pending.via == link)
      sent.push_back(id);
  });
  for (Id id : asked) {
    Pending& pending = *pending_.find(id);
    if (pending.via == link) pending.via = 0;
    give_up(id, pending);
    leave(pending);
    pending_.remove(id);
  }
  for (Id id : sent) {
    Pending& pending = *pending_.find(id);
    pending.via = 0;
    pending.ran_before = true;
    if (PINNATE_PLANT(call_forgotten_on_reset)) {
      take_off_asked(pending);
      pending_.remove(id);
    } else if ((pending.call.idempotent || PINNATE_PLANT(call_sent_again)) && pending.again()) {
      route(id);
    } else {
      fail(id, PINNATE_INTERRUPTED, "the link was lost after the call was sent: it may or may not have run");
    }
  }
}

void CallRouter::end(Id id, wire::ReturnedView returned) {
  if (returned.result.size() > kCallLimitBytes || returned.reason.size() > kReasonBytes)
    return end(id, returned.whole());
  const Asker asker = let_go(id);
  const std::size_t result_bytes = returned.result.size();
  answer(asker, wire::passed_on(returned, asker.asked_as, returned.ran || asker.ran_before), result_bytes);
}

void CallRouter::end(Id id, wire::Returned returned) {
  const Asker asker = let_go(id);
  returned.id = asker.asked_as;
  returned.ran |= asker.ran_before;
  returned.reason = cut_reason(std::move(returned.reason));
  if (returned.result.size() > kCallLimitBytes) returned = too_large(returned.id, returned.result.size());
  answer(asker, wire::encode_returned(returned), returned.result.size());
}

// It is under way no more, and what is left of it is whom to answer.
CallRouter::Asker CallRouter::let_go(Id id) {
  Pending& pending = *pending_.find(id);
  take_off_asked(pending);
  leave(pending);
  const Asker asker{pending.from, pending.asked_as, pending.ran_before};
  pending_.remove(id);
  return asker;
}

// A result that does not fit what a link may hold is lost, in words, and not the link with it.
void CallRouter::answer(const Asker& asker, Buffer message, std::size_t result_bytes) {
  const LinkId to = asker.link;
  if (to == kHostLink) return core_->send(to, wire::Class::call, std::move(message));
  Session* const session = links_->find(to);
  if (!session) return;
  if (result_bytes > 0 && session->calls_bytes + message.size() > most_waiting()) {
    wire::Returned lost{asker.asked_as, PINNATE_INTERRUPTED, {}, true, {}};  // BUSY tells whoever asked that it did not run
    lost.reason = "it ran, and its result of " + std::to_string(result_bytes) +
                  " bytes is lost: " + std::to_string(session->calls_bytes) +
                  " bytes wait on the link over which it was asked for";
    message = wire::encode_returned(lost);
  }
  session->calls_bytes += message.size();
  core_->send(to, wire::Class::call, std::move(message));
}

// Of calls that wait for their results, on one link; the rest is for what else goes over it.
std::size_t CallRouter::most_under_way() const { return core_->options().link_limit_bytes / 4 * 3; }
// Of calls and results that the link has not taken.
std::size_t CallRouter::most_waiting() const { return core_->options().link_limit_bytes / 8 * 7; }

void CallRouter::fail(Id id, Code code, std::string reason) {
  const Pending& pending = *pending_.find(id);
  const bool ran = pending.via != 0 || pending.here != 0 || pending.ran_before;
  end(id, wire::Returned{0, code, std::move(reason), ran, {}});
}

std::string CallRouter::full(std::string_view function) const {
  return "calls that wait for their results fill the links from '" + core_->options().id + "' to those that serve '" +
         std::string(function) + "'";
}

std::string CallRouter::nobody_serves(std::string_view function) const {
  const std::string quoted = "'" + std::string(function) + "'";
  if (!state_->publishes(function)) return "no function " + quoted + " is published";
  return "no engine in reach of '" + core_->options().id + "' serves " + quoted + " now; see the status of " + quoted;
}

}  // namespace pinnate::tier
