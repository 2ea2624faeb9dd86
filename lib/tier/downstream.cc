#include "tier/downstream.h"

#include <algorithm>

namespace pinnate::tier {
namespace {
constexpr std::int64_t kGatherMs = 5;  // changes of one burst become one roll-up
constexpr std::int64_t kSaveIntervalMs = 1000;
constexpr std::int64_t kTwinGoneMs = 600000;  // without another try; many times the longest pause between two
constexpr std::size_t kWatches = 1024;

std::string twin_notice(const std::string& id) { return "twice/" + id; }
}  // namespace

Downstream::Downstream(const Parts& parts, Owner* owner, std::uint32_t forget_after_ms)
    : parts_(parts),
      core_(parts.core),
      owner_(owner),
      replicator_(core_, parts.links, parts.state, parts.manifests),
      directory_(
          core_, parts.state, forget_after_ms, [this] { status_changed(); },
          [this](const std::string& id) { parts_.notices->say(twin_notice(id), ""); }),
      provider_(core_, parts.links, parts.manifests, parts.inventory, parts.fetcher),
      inquiries_(core_),
      lookups_(core_, &directory_, parts.state, &inquiries_,
               [owner](const std::string& from, const LookupPages::Add& add) { return owner->list_members(from, add); }),
      finder_(core_, parts.links, &directory_, parts.state, &inquiries_),
      calls_(core_, parts.links, &directory_, &finder_, parts.state),
      watches_(
          core_, [this](const std::string& name) { return report(name); }, kWatches) {}

void Downstream::close() {
  closing_ = true;
  directory_.closing();
  parts_.links->say_goodbye(false);
  ChildRecords& records = directory_.records();
  records.begin_save();
  for (auto changes = records.take_changes(); !changes.writes.empty(); changes = records.take_changes())
    commit(std::move(changes.writes));
}

// ---- links --------------------------------------------------------------------------------------

void Downstream::fill_welcome(wire::Welcome* welcome) {
  welcome->inherited = labels_below();
  welcome->artifact_limit_bytes = owner_->artifact_limit_bytes();
}

Labels Downstream::labels_below() {
  Labels labels = core_->options().labels;
  std::string left_out;
  for (const auto& [key, value] : inherited_) {
    if (labels.contains(key)) continue;  // own ones are nearer and win
    if (labels.size() < kLabelLimit)
      labels.emplace(key, value);
    else
      left_out += (left_out.empty() ? "" : ", ") + key;
  }
  parts_.notices->say("labels", left_out.empty()
                                    ? ""
                                    : "with the labels from above there are more than " + std::to_string(kLabelLimit) +
                                          ", and tiers below do not inherit: " + left_out);
  return labels;
}

void Downstream::inherited_changed() {
  parts_.links->each_up(Side::downstream, [&](Session& session) { tell_labels(session); });
}

void Downstream::tell_labels(Session& session) {
  if (session.peer.role == wire::Role::client) return;
  Labels labels = labels_below();
  if (labels == session.told) return;
  core_->send(session.link, wire::Context{labels});
  session.told = std::move(labels);
}

Status Downstream::admit(const Session& session) {
  if (session.peer.role == wire::Role::client) return {};
  const Child* known = directory_.find(session.peer.id);
  if (known && known->hello.role != session.peer.role && known->link != 0)
    return {PINNATE_CONFLICT,
            std::string("a ") + role_name(known->hello.role) + " of the id '" + session.peer.id + "' is linked"};
  return {};
}

void Downstream::link_up(Session& session) {
  if (session.peer.role == wire::Role::client) return;
  parts_.notices->say(twin_notice(session.peer.id), "");
  directory_.joined(session, *session.hello);
  owner_->heard_of(session.peer.position, named(session.peer));
  tell_labels(session);  // they may have changed during the handshake
  replicator_.link_up(session);
}

void Downstream::link_down(Session& session, const Status&) {
  // Before calls and lookups that go elsewhere now: they must not find this link again.
  directory_.left(session, false);
  forget_link(session.link);
  owner_->link_lost(session.link);
}

void Downstream::forget_link(LinkId link) {
  provider_.link_down(link);
  replicator_.link_down(link);
  watches_.link_down(link);
  inquiries_.link_down(link);
  calls_.link_down(link);
}

void Downstream::refused(const Session& session, const Status& why) {
  const std::string& id = session.peer.id;
  const Session* other = parts_.links->downstream(id);
  if (why.code() != PINNATE_CONFLICT || !other || other->peer.incarnation == session.peer.incarnation) return;
  parts_.notices->say(twin_notice(id),
                      "two tiers call themselves '" + id + "': the one linked first stays, the other is refused",
                      kTwinGoneMs);
}

void Downstream::dispatch(LinkId link, Session* session, wire::Message& m) {
  if (auto* get = std::get_if<wire::GetStatus>(&m)) return watches_.asked(link, *get);
  if (auto* cancel = std::get_if<wire::Cancel>(&m)) return calls_.cancel(link, cancel->id);
  if (auto* lookup = std::get_if<wire::Lookup>(&m)) return look_up(link, *lookup);
  if (!session || session->peer.role == wire::Role::client) return owner_->request(link, m);
  if (auto* confirm = std::get_if<wire::Confirm>(&m)) {
    owner_->heard_of(confirm->seen, named(session->peer));
    return replicator_.confirmed(*session, *confirm);
  }
  if (auto* status = std::get_if<wire::EngineStatus>(&m)) {
    return take_status(*session, std::move(*status));
  }
  if (auto* rollup = std::get_if<wire::Rollup>(&m)) {
    owner_->heard_of(rollup->seen, named(session->peer));
    return take_status(*session, std::move(*rollup));
  }
  if (auto* want = std::get_if<wire::WantManifest>(&m)) return provider_.want(*session, *want);
  if (auto* want = std::get_if<wire::WantChunk>(&m)) return provider_.want(*session, *want);
  if (auto* tiers = std::get_if<wire::Tiers>(&m)) inquiries_.take(link, *tiers);
}

template <class Told>
void Downstream::take_status(const Session& session, Told told) {
  const wire::Position at = told.position;
  if (Status s = directory_.take(session, std::move(told)); !s.ok()) return parts_.links->refuse(session.link, s);
  owner_->status_taken(at);
}

void Downstream::look_up(LinkId link, wire::Lookup lookup) {
  lookup.limit = std::clamp<std::uint32_t>(lookup.limit, 1, kRowLimit);
  lookup.timeout_ms = std::clamp<std::uint32_t>(lookup.timeout_ms, 1, kLongestLookupMs);
  if (lookup.at == core_->options().id) lookup.at.clear();
  const auto done = [this, link, id = lookup.id](wire::Tiers tiers) {
    tiers.id = id;
    answer(link, tiers);
  };
  lookup.engine.empty() || lookup.members ? lookups_.ask(lookup, done) : finder_.find(lookup, done);
}

void Downstream::answer(LinkId link, const wire::Message& message) {
  if (link == kHostLink || parts_.links->find(link)) core_->send(link, message);
}

// ---- the desired state and content --------------------------------------------------------------

void Downstream::state_changed(const std::set<Digest>& manifests) {
  directory_.state_changed();
  replicator_.state_changed();
  provider_.keep_only(manifests);  // after what supersedes it was told
  status_changed();
}

void Downstream::trim(const std::set<Digest>& manifests, std::uint64_t limit_bytes) {
  const std::uint64_t over = parts_.inventory->trim(parts_.manifests->artifacts_of(manifests), limit_bytes);
  parts_.notices->say("cache", over == 0 ? ""
                                         : "the cache limit of " + std::to_string(limit_bytes) + " bytes is " +
                                               std::to_string(over) +
                                               " bytes too small for the current releases; they are kept all the same");
}

void Downstream::commit(std::vector<RecordWrite> writes, std::function<void(const Status&)> done) {
  if (writes.empty()) return;
  core_->act(Commit{core_->order([this, done = std::move(done)](Completion& c) {
                      parts_.notices->say("disk", c.status.ok() ? "" : "cannot write to disk: " + c.status.message());
                      if (done) done(c.status);
                    }),
                    std::move(writes)});
}

// ---- status -------------------------------------------------------------------------------------

std::vector<std::string> Downstream::notices() const {
  std::vector<std::string> all = parts_.notices->all();
  for (std::string& text : all) text = "'" + core_->options().id + "': " + text;
  return all;
}

void Downstream::status_changed() {
  if (closing_) return;
  save_soon();
  const std::int64_t at_ms =
      std::max(core_->now().monotonic_ms + kGatherMs, flushed_ms_ + owner_->status_interval_ms());
  if (flush_.set() && flush_.at_ms() <= at_ms) return;
  flush_ = core_->alarm_at(at_ms, [this] { flush_status(); });
}

void Downstream::flush_status() {
  flushed_ms_ = core_->now().monotonic_ms;
  owner_->tell_status();
  watches_.changed();
}

wire::StatusReport Downstream::report(const std::string& name) const {
  wire::StatusReport out;
  out.tier = core_->options().id;
  out.notices = notices();
  directory_.report(name, &out);
  return out;
}

void Downstream::save_soon() {
  if (save_.set() || saving_) return;
  save_ = core_->alarm_in(kSaveIntervalMs, [this] {
    directory_.records().begin_save();
    save_next();
  });
}

// One batch after another. One that cannot be written does not keep back those behind it.
void Downstream::save_next() {
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

}  // namespace pinnate::tier
