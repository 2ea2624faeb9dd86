#include "tier/endpoints.h"

#include "base/check.h"

namespace pinnate::tier {

EndpointId Endpoints::add(Side side, const std::string& address) {
  if (stopped_ || endpoints_.size() >= kEndpoints) return 0;
  const EndpointId id = next_++;
  const TierOptions& o = core_->options();
  endpoints_.try_emplace(id, side, address, Backoff(o.backoff_min_ms, o.backoff_max_ms));
  dial(id);
  return id;
}

Endpoints::Retired Endpoints::retire(EndpointId id) {
  const auto found = endpoints_.find(id);
  if (found == endpoints_.end()) return {};
  found->second.retired = true;
  found->second.redial.cancel();
  return {found->second.link, under_way_.contains(found->second.link)};
}

void Endpoints::remove(EndpointId id) {
  const auto found = endpoints_.find(id);
  if (found == endpoints_.end()) return;
  const LinkId link = found->second.link;
  links_.erase(link);
  endpoints_.erase(found);
  landed(link);
}

void Endpoints::stop() {
  stopped_ = true;
  for (auto& [id, endpoint] : endpoints_) endpoint.redial.cancel();
}

void Endpoints::reconfigured() {
  const TierOptions& o = core_->options();
  for (auto& [id, endpoint] : endpoints_) endpoint.backoff.set(o.backoff_min_ms, o.backoff_max_ms);
}

void Endpoints::dial_now(EndpointId id) {
  const auto found = endpoints_.find(id);
  if (found == endpoints_.end() || !found->second.redial.set()) return;
  found->second.redial.cancel();
  dial(id);
}

void Endpoints::dial_afresh(EndpointId id) {
  const auto found = endpoints_.find(id);
  if (found == endpoints_.end()) return;
  found->second.backoff.reset();
  dial_now(id);
}

void Endpoints::rest(EndpointId id, bool resting) {
  const auto found = endpoints_.find(id);
  if (found == endpoints_.end() || found->second.resting == resting) return;
  Endpoint& endpoint = found->second;
  endpoint.resting = resting;
  endpoint.redial.cancel();
  if (!resting && endpoint.link == 0 && endpoint.held_by.empty()) dial(id);
}

Endpoints::Endpoint* Endpoints::of(LinkId link) {
  const auto found = links_.find(link);
  return found == links_.end() ? nullptr : &endpoints_.at(found->second);
}

const std::string* Endpoints::address_of(LinkId link) const {
  const auto found = links_.find(link);
  return found == links_.end() ? nullptr : &endpoints_.at(found->second).address;
}

EndpointId Endpoints::of_link(LinkId link) const {
  const auto found = links_.find(link);
  return found == links_.end() ? 0 : found->second;
}

const Endpoints::Facts* Endpoints::facts(EndpointId id) const {
  const auto found = endpoints_.find(id);
  return found == endpoints_.end() ? nullptr : &found->second;
}

std::optional<std::int64_t> Endpoints::again_in_ms(EndpointId id) const {
  const auto found = endpoints_.find(id);
  if (found == endpoints_.end() || !found->second.redial.set()) return std::nullopt;
  return found->second.redial.at_ms() - core_->now().monotonic_ms;
}

void Endpoints::dial(EndpointId id) {
  const auto found = endpoints_.find(id);
  if (stopped_ || found == endpoints_.end()) return;
  Endpoint& endpoint = found->second;
  if (endpoint.link != 0 || endpoint.retired || endpoint.resting) return;
  const std::uint32_t tries = endpoint.backoff.tries();
  if (under_way_.size() >= kDialsAtOnce) {
    if (!std::exchange(endpoint.queued, true)) (tries == 0 ? new_ : again_).push_back(id);
    return;
  }
  const std::uint32_t limit_ms =
      endpoint.side == Side::downstream && tries < 4 ? std::min(kDialMs, kFirstDialMs << tries) : kDialMs;
  Dialled dialled = dial_(endpoint.side, endpoint.address, limit_ms);
  endpoint.held_by = std::move(dialled.held_by);
  if (dialled.link == 0) return;
  endpoint.link = dialled.link;
  links_.emplace(dialled.link, id);
  under_way_.insert(dialled.link);
  TellLink told{TellLink::State::connecting, id, endpoint.address};
  told.upstream = endpoint.side == Side::upstream;
  core_->act(std::move(told));
}

void Endpoints::dial_later(EndpointId id, bool spread) {
  Endpoint& endpoint = endpoints_.at(id);
  if (stopped_ || endpoint.retired || endpoint.resting) return;
  const std::int64_t wait_ms = spread && endpoint.backoff.tries() == 0 ? endpoint.backoff.spread_ms(core_->random())
                                                                       : endpoint.backoff.next_ms(core_->random());
  endpoint.redial = core_->alarm_in(wait_ms, [this, id] { dial(id); });
}

void Endpoints::landed(LinkId link) {
  if (under_way_.erase(link) == 0) return;
  while (under_way_.size() < kDialsAtOnce && !(new_.empty() && again_.empty())) {
    std::list<EndpointId>& queue = new_.empty() ? again_ : new_;
    const EndpointId next = queue.front();
    queue.pop_front();
    const auto found = endpoints_.find(next);
    if (found == endpoints_.end()) continue;
    found->second.queued = false;
    dial(next);
  }
}

void Endpoints::ended(LinkId link, const Status& why, bool settled, bool spread) {
  const auto found = links_.find(link);
  if (found == links_.end()) return;
  const EndpointId id = found->second;
  links_.erase(found);
  Endpoint& endpoint = endpoints_.at(id);
  (void)PINNATE_CHECK(endpoint.link == link, "an endpoint has another link than the one that ended");
  endpoint.link = 0;
  endpoint.last = why;
  // A peer that ends each link soon after it is up is not dialled without a pause.
  if (settled) endpoint.backoff.reset();
  if (endpoint.held_by.empty()) dial_later(id, spread);
  landed(link);
}

void Endpoints::hold(LinkId link, const std::string& peer) {
  if (Endpoint* endpoint = of(link)) endpoint->held_by = peer;
}

void Endpoints::released(const std::string& peer, bool spread) {
  for (auto& [id, endpoint] : endpoints_) {
    if (endpoint.held_by.empty() || endpoint.held_by != peer) continue;
    endpoint.held_by.clear();
    if (endpoint.link == 0) dial_later(id, spread);
  }
}

}  // namespace pinnate::tier
