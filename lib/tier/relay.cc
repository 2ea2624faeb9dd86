#include "tier/relay.h"

#include "base/limits.h"

#include <algorithm>

namespace pinnate::tier {
namespace {
constexpr std::int64_t kGatherMs = 5;  // changes of one burst become one roll-up
constexpr std::int64_t kSaveIntervalMs = 1000;
constexpr std::int64_t kTwinGoneMs = 600000;  // without another try; many times the longest pause between two
constexpr std::ptrdiff_t kWatches = 1024;  // over links
}  // namespace

Relay::Relay(const TierOptions& options, wire::Role role, std::uint32_t forget_after_ms, Fetcher* fetcher)
    : core_(options, &actions_),
      links_(&core_, role, this),
      inventory_(&core_),
      replicator_(&core_, &links_, &state_, &manifests_),
      directory_(&core_, &state_, forget_after_ms, [this] { status_changed(); }),
      provider_(&core_, &links_, &manifests_, &inventory_, fetcher),
      inquiries_(&core_),
      lookups_(&core_, &directory_, &state_, &inquiries_),
      finder_(&core_, &links_, &directory_, &state_, &inquiries_),
      calls_(&core_, &links_, &directory_, &finder_, &state_),
      notices_(&core_, [this] { status_changed(); }) {}

// ---- reports of the driver ----------------------------------------------------------------------------------------

void Relay::link_opened(Now now, LinkId link, const PeerFacts& facts) {
  core_.set_now(now);
  links_.opened(link, facts);
}
void Relay::link_message(Now now, LinkId link, Buffer bytes) {
  core_.set_now(now);
  if (link != kHostLink) return links_.received(link, bytes);
  auto decoded = wire::decode(bytes);
  if (decoded.ok() && decoded->has_value()) return dispatch(kHostLink, nullptr, **decoded);
  core_.log(PINNATE_LOG_ERROR, "a malformed request of the host: " + decoded.status().message());
}
void Relay::link_heard(Now now, LinkId link) {
  core_.set_now(now);
  links_.heard(link);
}
void Relay::link_drained(Now now, LinkId link, Drained drained) {
  core_.set_now(now);
  links_.drained(link, drained);
}
void Relay::link_closed(Now now, LinkId link, Status why) {
  core_.set_now(now);
  links_.closed(link, why);
}
void Relay::completed(Now now, Completion completion) {
  core_.set_now(now);
  core_.complete(std::move(completion));
}
void Relay::woke(Now now) {
  core_.set_now(now);
  core_.ring_alarms();
}
EndpointId Relay::keep_link(Now now, Side side, const std::string& address) {
  core_.set_now(now);
  return links_.keep(side, address);
}
void Relay::release_link(Now now, EndpointId endpoint) {
  core_.set_now(now);
  links_.release(endpoint);
}
void Relay::close(Now now) {
  core_.set_now(now);
  if (closing_) return;
  closing_ = true;
  directory_.closing();
  links_.say_goodbye(false);
  directory_.records().begin_save();
  for (auto changes = directory_.records().take_changes(); !changes.writes.empty(); changes = directory_.records().take_changes())
    commit(std::move(changes.writes));
}

// ---- links --------------------------------------------------------------------------------------------------------

void Relay::fill_hello(wire::Hello* hello) { hello->position = state_.position(); }

Labels Relay::labels_below(const Session&) {
  Labels labels = core_.options().labels;
  std::string left_out;
  for (const auto& [key, value] : inherited_) {
    if (labels.contains(key)) continue;  // own ones are nearer and win
    if (labels.size() < kLabelLimit)
      labels.emplace(key, value);
    else
      left_out += (left_out.empty() ? "" : ", ") + key;
  }
  notice("labels", left_out.empty() ? ""
                                    : "with the labels from above there are more than " + std::to_string(kLabelLimit) +
                                          ", and tiers below do not inherit: " + left_out);
  return labels;
}

Status Relay::admit(const Session& session) {
  if (closing_) return {PINNATE_CLOSED, "'" + core_.options().id + "' is closing"};
  if (session.side != Side::downstream || session.peer.role == wire::Role::client) return {};
  const Child* known = directory_.find(session.peer.id);
  if (known && known->hello.role != session.peer.role && known->link != 0)
    return {PINNATE_CONFLICT,
            std::string("a ") + role_name(known->hello.role) + " of the id '" + session.peer.id + "' is linked"};
  return {};
}

void Relay::link_up(Session& session) {
  if (session.side != Side::downstream || session.peer.role == wire::Role::client) return;
  twin_gone(session.peer.id);
  directory_.joined(session);
  heard_of(session.peer.position, named(session.peer));
  tell_labels(session);  // they may have changed during the handshake
  replicator_.link_up(session);
}

void Relay::tell_labels(Session& session) {
  if (session.peer.role == wire::Role::client) return;
  Labels labels = labels_below(session);
  if (labels == session.told) return;
  core_.send(session.link, wire::Context{labels});
  session.told = std::move(labels);
}

void Relay::link_down(Session& session, const Status&) {
  const LinkId link = session.link;
  provider_.link_down(link);
  replicator_.link_down(link);
  std::erase_if(watches_, [&](const auto& w) { return w.first.first == link; });
  // Before calls and lookups that go elsewhere now: they must not find this link again.
  if (session.side == Side::downstream) directory_.left(session, false);
  inquiries_.link_down(link);
  calls_.link_down(link);
}

void Relay::left(Session& session, bool forget) {
  if (session.side == Side::downstream) directory_.left(session, forget);
}

void Relay::room(Session& session) { provider_.room(session); }

void Relay::refused(const Session& session, const Status& why) {
  core_.log(PINNATE_LOG_WARNING, "refused " + std::string(role_name(session.peer.role)) + " '" +
                                     session.peer.id.substr(0, 127) + "': " + why.message());
  if (why.code() == PINNATE_CONFLICT && session.side == Side::downstream) {
    const Session* other = links_.downstream(session.peer.id);
    if (!other || other->peer.incarnation == session.peer.incarnation) return;
    const std::string id = session.peer.id;
    notice("twice/" + id, "two tiers call themselves '" + id + "': the one linked first stays, the other is refused");
    core_.cancel_alarm(&twins_[id]);
    twins_[id] = core_.alarm_in(kTwinGoneMs, [this, id] { twin_gone(id); });
  }
}

void Relay::twin_gone(const std::string& id) {
  const auto found = twins_.find(id);
  if (found == twins_.end()) return;
  core_.cancel_alarm(&found->second);
  twins_.erase(found);
  notice("twice/" + id, "");
}

void Relay::message(Session& session, wire::Message& m) {
  if (session.side == Side::upstream) return upstream_message(session, m);
  dispatch(session.link, &session, m);
}

void Relay::dispatch(LinkId link, Session* session, wire::Message& m) {
  if (auto* get = std::get_if<wire::GetStatus>(&m)) return status_asked(link, *get);
  if (auto* call = std::get_if<wire::Call>(&m)) return calls_.take(link, *call);
  if (auto* cancel = std::get_if<wire::Cancel>(&m)) return calls_.cancel(link, cancel->id);
  if (auto* lookup = std::get_if<wire::Lookup>(&m)) return look_up(link, *lookup);
  if (request(link, m)) return;
  if (!session || session->peer.role == wire::Role::client) return;  // an answer to nothing that is under way
  if (auto* confirm = std::get_if<wire::Confirm>(&m)) {
    heard_of(confirm->seen, named(session->peer));
    return replicator_.confirmed(*session, *confirm);
  }
  if (auto* status = std::get_if<wire::EngineStatus>(&m)) {
    if (Status s = directory_.take(*session, std::move(*status)); !s.ok()) links_.refuse(link, s);
    return;
  }
  if (auto* rollup = std::get_if<wire::Rollup>(&m)) {
    heard_of(rollup->seen, named(session->peer));
    if (Status s = directory_.take(*session, std::move(*rollup)); !s.ok()) links_.refuse(link, s);
    return;
  }
  if (auto* want = std::get_if<wire::WantManifest>(&m)) return provider_.want(*session, *want);
  if (auto* want = std::get_if<wire::WantChunk>(&m)) return provider_.want(*session, *want);
  if (auto* tiers = std::get_if<wire::Tiers>(&m)) return inquiries_.take(link, *tiers);
  if (auto* returned = std::get_if<wire::Returned>(&m)) calls_.take(link, *returned);
}

void Relay::look_up(LinkId link, const wire::Lookup& lookup) {
  const auto done = [this, link, id = lookup.id](wire::Tiers tiers) {
    tiers.id = id;
    answer(link, tiers);
  };
  lookup.engine.empty() ? lookups_.ask(lookup, done) : finder_.find(lookup, done);
}

// ---- the desired state and content --------------------------------------------------------------------------------

std::set<Digest> Relay::manifests_in_use() const {
  std::set<Digest> used;
  for (const auto& [number, entry] : state_.releases()) used.insert(entry.release.manifest);
  return used;
}

void Relay::state_changed() {
  if (knows_state()) manifests_.keep_only(manifests_in_use());
  content_grew();
  directory_.state_changed();
  replicator_.state_changed();
  provider_.keep_only(manifests_in_use());  // after what supersedes it was told
  status_changed();
}

std::set<Digest> Relay::artifacts_in_use() const {
  std::set<Digest> needed;
  for (const Digest& digest : manifests_in_use())
    if (const auto manifest = manifests_.find(digest))
      for (const auto& artifact : manifest->artifacts) needed.insert(artifact.digest);
  return needed;
}

void Relay::content_grew() {
  if (!knows_state()) return;
  const std::uint64_t over = inventory_.trim(artifacts_in_use(), cache_limit_bytes());
  notice("cache", over == 0 ? ""
                            : "the cache limit of " + std::to_string(cache_limit_bytes()) + " bytes is " +
                                  std::to_string(over) +
                                  " bytes too small for the current releases; they are kept all the same");
}

void Relay::commit(std::vector<RecordWrite> writes, std::function<void(const Status&)> done) {
  if (writes.empty()) return;
  core_.act(Commit{core_.order([this, done = std::move(done)](Completion& c) {
                     notice("disk", c.status.ok() ? "" : "cannot write to disk: " + c.status.message());
                     if (done) done(c.status);
                   }),
                   std::move(writes)});
}

// ---- status -------------------------------------------------------------------------------------------------------

std::vector<std::string> Relay::own_notices() const {
  std::vector<std::string> all = notices_.all();
  for (std::string& text : all) text = "'" + core_.options().id + "': " + text;
  return all;
}

void Relay::status_changed() {
  if (closing_) return;
  save_soon();
  const std::int64_t at_ms = std::max(core_.now().monotonic_ms + kGatherMs, flushed_ms_ + status_interval_ms());
  if (flush_ != 0 && flush_at_ms_ <= at_ms) return;
  core_.cancel_alarm(&flush_);
  flush_at_ms_ = at_ms;
  flush_ = core_.alarm_at(at_ms, [this] { flush_status(); });
}

void Relay::flush_status() {
  flush_ = 0;
  flushed_ms_ = core_.now().monotonic_ms;
  for (auto twin = twins_.begin(); twin != twins_.end();) {
    const std::string id = (twin++)->first;
    if (!directory_.find(id)) twin_gone(id);  // the first was forgotten: whoever uses its id is alone
  }
  status_told();
  tell_upstream();
  for (const auto& [who, name] : watches_) report(who.first, who.second, name);
}

void Relay::save_soon() {
  if (save_ != 0 || saving_) return;
  save_ = core_.alarm_in(kSaveIntervalMs, [this] {
    save_ = 0;
    directory_.records().begin_save();
    save_next();
  });
}

// One batch after another. One that cannot be written does not keep back those behind it.
void Relay::save_next() {
  auto changes = directory_.records().take_changes();
  saving_ = !changes.writes.empty();
  if (!saving_) {
    if (directory_.records().unsaved()) save_soon();
    return;
  }
  auto writes = std::exchange(changes.writes, {});
  commit(std::move(writes), [this, changes = std::move(changes)](const Status& written) {
    if (!written.ok()) directory_.records().changes_failed(changes);
    save_next();
  });
}

void Relay::status_asked(LinkId link, const wire::GetStatus& get) {
  if (get.end_watch) {
    watches_.erase({link, get.id});
    return;
  }
  // The host's own watch does not depend on what others ask over links.
  const auto others =
      std::count_if(watches_.begin(), watches_.end(), [](const auto& watch) { return watch.first.first != kHostLink; });
  if (get.watch && link != kHostLink && others >= kWatches) {
    wire::StatusReport full;
    full.id = get.id;
    full.code = PINNATE_BUSY;
    full.reason = "too many watches";
    return core_.send(link, full);
  }
  if (get.watch) watches_[{link, get.id}] = get.name;
  report(link, get.id, get.name);
}

void Relay::report(LinkId link, std::uint64_t id, const std::string& name) {
  wire::StatusReport out;
  out.id = id;
  out.tier = core_.options().id;
  out.notices = own_notices();
  directory_.report(name, &out);
  core_.send(link, out);
}

}  // namespace pinnate::tier
