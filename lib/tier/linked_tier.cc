#include "tier/linked_tier.h"

namespace pinnate::tier {

void LinkedTier::start(Now now, Restored restored) {
  core_.set_now(now);
  restore(restored);
  settle();
}

void LinkedTier::close(Now now) {
  core_.set_now(now);
  if (!std::exchange(closing_, true)) end();
  settle();
}

void LinkedTier::link_opened(Now now, LinkId link, const PeerFacts& facts) {
  core_.set_now(now);
  links_.opened(link, facts);
  settle();
}

void LinkedTier::link_message(Now now, LinkId link, Buffer bytes) {
  core_.set_now(now);
  if (link != kHostLink) {
    links_.received(link, std::move(bytes));
  } else if (wire::type_of(bytes.view()) == wire::kCallType) {
    auto call = wire::read_call(std::move(bytes));
    if (call.ok())
      host_call(std::move(*call));
    else
      core_.log(PINNATE_LOG_ERROR, "a malformed call of the host: " + call.status().message());
  } else if (auto decoded = wire::decode(bytes); decoded.ok() && decoded->has_value()) {
    host_message(**decoded, bytes);
  } else {
    core_.log(PINNATE_LOG_ERROR, "a malformed request of the host: " + decoded.status().message());
  }
  settle();
}

void LinkedTier::link_heard(Now now, LinkId link) {
  core_.set_now(now);
  links_.heard(link);
}

void LinkedTier::link_drained(Now now, LinkId link, Drained drained) {
  core_.set_now(now);
  links_.drained(link, drained);
}

void LinkedTier::link_closed(Now now, LinkId link, Status why) {
  core_.set_now(now);
  links_.closed(link, why);
  settle();
}

void LinkedTier::completed(Now now, Completion completion) {
  core_.set_now(now);
  core_.complete(std::move(completion));
  settle();
}

void LinkedTier::woke(Now now) {
  core_.set_now(now);
  core_.ring_alarms();
  settle();
}

EndpointId LinkedTier::keep_link(Now now, Side side, const std::string& address) {
  core_.set_now(now);
  return links_.keep(side, address);
}

void LinkedTier::release_link(Now now, EndpointId endpoint, bool keep_up) {
  core_.set_now(now);
  links_.release(endpoint, keep_up);
  settle();
}

void LinkedTier::reconfigure(Now now, const TierOptions& options) {
  core_.set_now(now);
  const bool other_labels = options.labels != core_.options().labels;
  core_.set_options(options);
  links_.reconfigured();
  if (other_labels) {
    labels_changed();
    links_.renew_upstream({PINNATE_CANCELLED, "it comes back with other labels"});
  }
  settle();
}

void LinkedTier::name_members(Now now, const std::string& source, std::optional<Naming> naming) {
  core_.set_now(now);
  if (!closing_) members_named(source, std::move(naming));
  settle();
}

void LinkedTier::add_loader(Now now, const std::string& kind) {
  core_.set_now(now);
  loader_added(kind);
  settle();
}

}  // namespace pinnate::tier
