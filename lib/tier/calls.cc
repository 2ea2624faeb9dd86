#include "tier/calls.h"

#include "base/limits.h"
#include "base/plant.h"

#include <algorithm>

namespace pinnate::tier {
namespace {
constexpr std::size_t kPendingPerLink = 4096;
constexpr std::size_t kCallOverheadBytes = 256;
constexpr std::size_t kAttempts = 3;
constexpr std::uint32_t kLongestCallMs = 600000;

std::size_t bytes_of(const wire::Call& call) {
  std::size_t bytes = kCallOverheadBytes + call.function.size() + call.engine.size() + call.payload.size();
  for (const std::string& step : call.route) bytes += step.size() + sizeof step;
  return bytes;
}

}  // namespace

Calls::~Calls() {
  for (auto& [id, pending] : pending_) core_->cancel_alarm(&pending.limit);
}

void Calls::take(LinkId from, const wire::Call& call) {
  const auto refuse = [&](Code code, std::string reason) {
    answer(from, wire::Returned{call.id, code, cut_reason(std::move(reason)), false, {}});
  };
  if (Status s = check_function_name(call.function); !s.ok()) return refuse(s.code(), s.message());
  if (call.payload.size() > kCallLimitBytes)
    return refuse(PINNATE_TOO_LARGE, "a payload of " + std::to_string(call.payload.size()) + " bytes; " +
                                         std::to_string(kCallLimitBytes) + " are allowed");
  if (call.route.size() > 32) return refuse(PINNATE_INVALID, "a route over more than 32 tiers");
  const std::size_t bytes = bytes_of(call), limit_bytes = core_->options().link_limit_bytes;
  if (const auto load = from_.find(from); load != from_.end() && !PINNATE_PLANT(calls_without_limit)) {
    if (load->second.calls >= kPendingPerLink)
      return refuse(PINNATE_BUSY, "more than " + std::to_string(kPendingPerLink) + " calls are under way on one link");
    if (load->second.bytes + bytes > limit_bytes && !PINNATE_PLANT(call_bytes_without_limit))
      return refuse(PINNATE_BUSY, "calls of " + std::to_string(load->second.bytes) +
                                      " bytes are under way on one link; " + std::to_string(limit_bytes) +
                                      " are allowed");
  }
  const std::uint64_t id = next_++;
  Pending& pending = pending_[id];
  add(&from_, from, bytes);
  pending.from = from;
  pending.asked_as = call.id;
  pending.call = call;
  pending.bytes = bytes;
  const std::uint32_t timeout_ms = std::clamp<std::uint32_t>(call.timeout_ms, 1, kLongestCallMs);
  pending.deadline_ms = core_->now().monotonic_ms + timeout_ms;
  pending.limit = core_->alarm_in(timeout_ms, [this, id, timeout_ms] {
    Pending& late = pending_.at(id);
    late.limit = 0;
    if (PINNATE_PLANT(call_answered_twice))
      return core_->send(late.from, wire::Returned{late.asked_as, PINNATE_TIMEOUT, "no result in time", true, {}});
    if (late.via != 0) core_->send(late.via, wire::Cancel{id});
    fail(id, PINNATE_TIMEOUT, "no result within " + std::to_string(timeout_ms) + " ms", late.may_have_run());
  });
  route(id);
}

void Calls::add(std::map<LinkId, Load>* loads, LinkId link, std::size_t bytes) {
  Load& load = (*loads)[link];
  load.calls++;
  load.bytes += bytes;
}

void Calls::take_off(std::map<LinkId, Load>* loads, LinkId link, std::size_t bytes) {
  const auto found = loads->find(link);
  if (found == loads->end()) return;  // the link has gone
  found->second.bytes -= bytes;
  if (--found->second.calls == 0) loads->erase(found);
}

// More than a link may hold would end it, and every call that is under way there.
bool Calls::has_room(LinkId via, const Pending& pending) const {
  if (PINNATE_PLANT(call_bytes_without_limit)) return true;
  const auto load = via_.find(via);
  const Session* const session = links_->find(via);
  return (load == via_.end() ? 0 : load->second.bytes) + pending.bytes <= core_->options().link_limit_bytes / 4 * 3 &&
         (!session || session->calls_bytes + pending.bytes <= most_waiting());
}

void Calls::leave(Pending& pending) {
  if (pending.via != 0) take_off(&via_, pending.via, pending.bytes);
  pending.via = 0;
}

void Calls::route(std::uint64_t id) {
  Pending& pending = pending_.at(id);
  const wire::Call& call = pending.call;
  const Session* upstream = links_->upstream();
  const bool from_above = upstream && pending.from == upstream->link;
  const std::string& self = core_->options().id;

  if (!call.route.empty()) {
    if (local_ && call.route.size() == 1 && call.route[0] == self) {
      // falls through to the local service
    } else {
      Session* next = directory_ ? links_->downstream(call.route[0]) : nullptr;
      if (!next) return fail(id, PINNATE_UNREACHABLE, "'" + call.route[0] + "' is not linked to '" + self + "'", false);
      return forward(id, next->link, {call.route.begin() + 1, call.route.end()});
    }
  }
  if (local_ && (call.engine.empty() || call.engine == self)) {
    const std::int64_t left_ms = std::max<std::int64_t>(1, pending.deadline_ms - core_->now().monotonic_ms);
    pending.here = true;
    if (local_(call, static_cast<std::uint32_t>(left_ms), [this, id](wire::Returned r) {
          if (pending_.contains(id)) end(id, std::move(r));
        }))
      return;
    pending.here = false;
    if (call.engine == self || from_above || !upstream)
      return fail(id, PINNATE_NOT_FOUND, nobody_serves(call.function), false);
    return forward(id, upstream->link, {});
  }
  if (!call.engine.empty()) return locate(id);

  std::vector<const Child*> candidates = directory_ ? directory_->serving(call.function) : std::vector<const Child*>();
  std::erase_if(candidates, [&](const Child* c) {
    return std::find(pending.tried.begin(), pending.tried.end(), c->link) != pending.tried.end();
  });
  const bool someone_serves = !candidates.empty();
  std::erase_if(candidates, [&](const Child* c) { return !has_room(c->link, pending); });
  if (candidates.empty() && someone_serves) return fail(id, PINNATE_BUSY, full(call.function), false);
  if (!candidates.empty()) return forward(id, candidates[core_->random().below(candidates.size())]->link, {});
  if (upstream && !from_above &&
      std::find(pending.tried.begin(), pending.tried.end(), upstream->link) == pending.tried.end())
    return forward(id, upstream->link, {});
  fail(id, state_->publishes(call.function) ? PINNATE_UNREACHABLE : PINNATE_NOT_FOUND, nobody_serves(call.function),
       false);
}

void Calls::locate(std::uint64_t id) {
  Pending& pending = pending_.at(id);
  const std::string engine = pending.call.engine;
  // `unasked`: which gateways could not be asked, and why; the engine may be below one of them.
  const auto nowhere_below = [this, id, engine](bool offline, const std::string& unasked) {
    Pending& p = pending_.at(id);
    const Session* upstream = links_->upstream();
    if (upstream && p.from != upstream->link) return forward(id, upstream->link, {});  // it may have moved elsewhere
    if (offline) return fail(id, PINNATE_UNREACHABLE, "engine '" + engine + "' is offline", false);
    const std::string where = "'" + engine + "' was not found below '" + core_->options().id + "'";
    if (!unasked.empty()) return fail(id, PINNATE_UNREACHABLE, "engine " + where + ", where " + unasked, false);
    fail(id, PINNATE_NOT_FOUND, "no engine '" + engine + "' is linked below '" + core_->options().id + "'", false);
  };
  if (!lookups_) return nowhere_below(false, {});
  wire::Lookup lookup;
  lookup.engine = engine;
  lookup.limit = 1;
  lookup.timeout_ms =
      static_cast<std::uint32_t>(std::max<std::int64_t>(1, pending.deadline_ms - core_->now().monotonic_ms));
  lookups_->ask(lookup, [this, id, engine, nowhere_below](const wire::Tiers& tiers) {
    if (!pending_.contains(id)) return;  // timed out meanwhile
    if (tiers.rows.empty() || !tiers.rows[0].online)
      return nowhere_below(!tiers.rows.empty(), tiers.code == PINNATE_OK ? std::string() : tiers.reason);
    std::vector<std::string> route;
    const std::string& path = tiers.rows[0].path;
    for (std::size_t at = 0; at < path.size();) {
      const std::size_t slash = std::min(path.find('/', at), path.size());
      route.push_back(path.substr(at, slash - at));
      at = slash + 1;
    }
    route.push_back(engine);
    Session* next = links_->downstream(route[0]);
    if (!next) return fail(id, PINNATE_UNREACHABLE, "'" + route[0] + "' was lost meanwhile", false);
    forward(id, next->link, {route.begin() + 1, route.end()});
  });
}

void Calls::forward(std::uint64_t id, LinkId via, std::vector<std::string> route) {
  Pending& pending = pending_.at(id);
  if (!has_room(via, pending)) return fail(id, PINNATE_BUSY, full(pending.call.function), false);
  add(&via_, via, pending.bytes);
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

void Calls::take(LinkId from, const wire::Returned& returned) {
  const auto found = pending_.find(returned.id);
  if (found == pending_.end() || found->second.via != from) return;  // late, or not asked there
  Pending& pending = found->second;
  if (!returned.ran && pending.call.engine.empty() && pending.tried.size() < kAttempts &&
      (returned.code == PINNATE_NOT_FOUND || returned.code == PINNATE_UNREACHABLE || returned.code == PINNATE_BUSY)) {
    leave(pending);
    return route(returned.id);
  }
  end(returned.id, returned);
}

void Calls::cancel(LinkId from, std::uint64_t asked_as) {
  for (auto& [id, pending] : pending_) {
    if (pending.from != from || pending.asked_as != asked_as) continue;
    if (pending.via != 0) core_->send(pending.via, wire::Cancel{id});
    return fail(id, PINNATE_CANCELLED, "cancelled by the caller", pending.may_have_run());
  }
}

void Calls::link_down(LinkId link) {
  std::vector<std::uint64_t> orphans, lost;
  for (const auto& [id, pending] : pending_) {
    if (pending.from == link)
      orphans.push_back(id);
    else if (pending.via == link)
      lost.push_back(id);
  }
  for (std::uint64_t id : orphans) {
    Pending& pending = pending_.at(id);
    if (pending.via != 0 && pending.via != link) core_->send(pending.via, wire::Cancel{id});
    core_->cancel_alarm(&pending.limit);
    leave(pending);
    pending_.erase(id);
  }
  from_.erase(link);
  via_.erase(link);
  for (std::uint64_t id : lost) {
    Pending& pending = pending_.at(id);
    if (PINNATE_PLANT(call_forgotten_on_reset)) {
      core_->cancel_alarm(&pending.limit);
      pending_.erase(id);
    } else if ((pending.call.idempotent || PINNATE_PLANT(call_sent_again)) && pending.tried.size() < kAttempts) {
      pending.via = 0;
      route(id);
    } else {
      fail(id, PINNATE_INTERRUPTED, "the link was lost after the call was sent: it may or may not have run", true);
    }
  }
}

void Calls::end(std::uint64_t id, wire::Returned returned) {
  const auto found = pending_.find(id);
  if (found == pending_.end()) return;
  Pending pending = std::move(found->second);
  pending_.erase(found);
  take_off(&from_, pending.from, pending.bytes);
  leave(pending);
  core_->cancel_alarm(&pending.limit);
  returned.id = pending.asked_as;
  returned.reason = cut_reason(std::move(returned.reason));
  answer(pending.from, std::move(returned));
}

// Nobody knows how large a result will be until it is there. One that does not fit what a link may hold is lost, in words, and not
// the link, with all that is under way on it.
void Calls::answer(LinkId to, wire::Returned returned) {
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

// Of calls and results, on one link; the rest is for what else goes over it.
std::size_t Calls::most_waiting() const { return core_->options().link_limit_bytes / 8 * 7; }

void Calls::fail(std::uint64_t id, Code code, std::string reason, bool ran) {
  end(id, {0, code, std::move(reason), ran, {}});
}

std::string Calls::full(const std::string& function) const {
  return "calls that wait for their results fill the links from '" + core_->options().id + "' to those that serve '" +
         function + "'";
}

std::string Calls::nobody_serves(const std::string& function) const {
  if (!state_->publishes(function)) return "no function '" + function + "' is published";
  return "no engine in reach of '" + core_->options().id + "' serves '" + function + "' now; see the status of '" +
         function + "'";
}

}  // namespace pinnate::tier
