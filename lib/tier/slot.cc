#include "tier/slot.h"

#include "base/check.h"
#include "base/names.h"
#include "base/plant.h"

namespace pinnate::tier {
namespace {

constexpr std::uint32_t kRetryMinMs = 1000, kRetryMaxMs = 300000;
constexpr std::uint32_t kDestroyLimitMs = 10000, kDestroyAgainMs = 10000;
constexpr std::int64_t kTrustAfterMs = 60000;

// An image may take 10 s, and 1 s for each 4 MiB. That is our own work, so no limit of the module's
// is for it.
std::uint32_t assemble_limit_ms(std::uint64_t size_bytes) {
  constexpr std::uint64_t kEachSecondBytes = 4 * 1024 * 1024;
  return static_cast<std::uint32_t>(10000 + 1000 * (size_bytes / kEachSecondBytes));
}

}  // namespace

Slot::Slot(SlotWorld* world, std::string function)
    : world_(world), core_(world->core), function_(std::move(function)), backoff_(kRetryMinMs, kRetryMaxMs) {}

std::string Slot::named() const {
  const DesiredState::SharedEntry& entry = candidate_ ? candidate_->entry : wanted_;
  return "module '" + function_ + "' " + (entry ? entry->release.version : "");
}

void Slot::set(wire::Phase phase, std::string reason) {
  reason = cut_reason(std::move(reason));
  if (phase_ == phase && reason_ == reason) return;
  phase_ = phase;
  reason_ = std::move(reason);
  if (phase == wire::Phase::fetching || phase == wire::Phase::loading)
    world_->owner->row_moved();
  else
    world_->owner->row_changed();
}

void Slot::want(DesiredState::SharedEntry entry) {
  if (entry && wanted_ && wanted_->digest == entry->digest) return;
  if (!entry && !wanted_) return;
  if (PINNATE_PLANT(superseded_goes_live) && entry && candidate_ && candidate_->step) {
    candidate_->entry = wanted_ = std::move(entry);
    return;
  }
  drop_candidate();
  again_.cancel();
  backoff_.reset();
  damaged_ = 0;
  has_wedged_ = false;
  blocked_ = false;
  if (!entry) {
    wanted_.reset();
    phase_ = wire::Phase::pending;
    reason_.clear();
    if (PINNATE_PLANT(withdrawal_ignored)) return;
    if (active_ || former_) end_calls();
    if (active_) retire(*std::exchange(active_, std::nullopt));
    if (former_ && drains(*former_)) wait_for_calls(*former_);
    former_.reset();
    world_->notices->say("brought back/" + function_, "");
    world_->owner->row_changed();
    return ended();
  }
  wanted_ = std::move(entry);
  phase_ = wire::Phase::pending;
  reason_.clear();
  world_->owner->row_moved();
  bring_back();
  begin();
}

// ---- fetching -----------------------------------------------------------------------------------

void Slot::begin() {
  if (!wanted_ || candidate_) return;
  const content::Release& release = wanted_->release;
  if (lacks("release " + std::to_string(release.number), release.needs, content::kReleaseFeatures)) return;
  // The service that is there may be just that: the same bytes with the same configuration.
  if (active_ && active_->entry->release.manifest == wanted_->release.manifest &&
      active_->entry->release.config == wanted_->release.config)
    return adopt();
  candidate_.emplace();
  candidate_->attempt = ++attempts_;
  candidate_->entry = wanted_;
  candidate_->stops_first = content::has_need(release.needs, content::kStopFirst);
  const Digest digest = wanted_->release.manifest;
  if (world_->manifests->find(digest)) return fetch();
  set(wire::Phase::fetching);
  world_->fetcher->want_manifest(digest, [this, alive = life(), attempt = attempts_](const Status& status) {
    if (alive.expired() || !candidate_ || candidate_->attempt != attempt) return;
    if (!status.ok()) return fail("no manifest: " + status.message());
    fetch();
  });
}

bool Slot::lacks(const std::string& what, const std::vector<std::string>& needs,
                 std::span<const std::string_view> known) {
  const std::string need = content::unknown_need(needs, known);
  if (need.empty()) return false;
  incompatible(what + " needs the feature '" + need + "', which this version does not know: upgrade this engine");
  return true;
}

void Slot::incompatible(const std::string& why) {
  candidate_.reset();
  set(wire::Phase::incompatible, named() + ": " + why);
}

void Slot::fetch() {
  Candidate& c = *candidate_;
  c.manifest = world_->manifests->find(wanted_->release.manifest);
  if (c.manifest->name != wanted_->release.name || c.manifest->version != wanted_->release.version)
    return fail("the manifest is of '" + c.manifest->name + "' " + c.manifest->version);
  if (lacks("its manifest", c.manifest->needs)) return;
  const content::ArtifactEntry* artifact = c.manifest->artifact_for(world_->platform);
  if (!artifact)
    return incompatible("no artifact for " + world_->platform + " (published: " + c.manifest->platforms() + ")");
  if (!world_->loaders.empty() && !world_->loaders.contains(c.manifest->loader))
    return incompatible(no_loader(c.manifest->loader, world_->loaders));
  c.place = static_cast<std::uint32_t>(artifact - c.manifest->artifacts.data());
  std::vector<std::uint32_t> wanted;
  for (std::uint32_t i = 0; i < artifact->chunks.size(); i++)
    if (!world_->inventory->has(artifact->digest, i)) wanted.push_back(i);
  c.missing = static_cast<std::uint32_t>(wanted.size());
  if (wanted.empty()) return ask_for_turn(&Slot::assemble);
  set(wire::Phase::fetching);
  const std::uint64_t attempt = c.attempt;
  const std::uint32_t place = c.place;
  for (std::uint32_t index : wanted) {
    if (!candidate_ || candidate_->attempt != attempt) return;
    world_->fetcher->want_chunk({wanted_->release.manifest, place, index},
                                [this, alive = life(), attempt, index](const Status& status, const Buffer&) {
                                  if (!alive.expired()) chunk_arrived(attempt, status, index);
                                });
  }
}

void Slot::chunk_arrived(std::uint64_t attempt, const Status& status, std::uint32_t index) {
  if (!candidate_ || candidate_->attempt != attempt) return;
  if (status.code() == PINNATE_CANCELLED) return put_off();
  if (!status.ok()) return fail("chunk " + std::to_string(index) + ": " + status.message());
  if (!world_->inventory->has(candidate_->artifact().digest, index))
    return fail("chunk " + std::to_string(index) + " could not be kept: the disk is full or cannot be written");
  if (--candidate_->missing == 0) ask_for_turn(&Slot::assemble);
}

// ---- loading ------------------------------------------------------------------------------------

void Slot::ask_for_turn(void (Slot::*then)()) {
  const std::uint64_t attempt = candidate_->attempt;
  if (!candidate_->restores) set(wire::Phase::loading);
  world_->turns->take_to_load([this, alive = life(), turns = world_->turns, attempt, then] {
    if (alive.expired() || !candidate_ || candidate_->attempt != attempt) return turns->end();
    candidate_->has_turn = true;
    (this->*then)();
  });
}

// Gives one order about the candidate's service.
Token Slot::start(std::uint32_t limit_ms, const char* doing, Hang hang, void (Slot::*then)(Completion&)) {
  candidate_->step = &steps_.emplace_back(world_, this, candidate_->service, named() + doing, limit_ms, hang);
  candidate_->then = then;
  return candidate_->step->token();
}

void Slot::step_done(ModuleStep& step, Completion& c) {
  candidate_->step = nullptr;
  step_over(step);
  (this->*candidate_->then)(c);
}

void Slot::step_failed(const std::string& reason, bool wedges) {
  candidate_->step = nullptr;
  candidate_->has_turn = false;
  candidate_->service = 0;
  if (!candidate_->restores) has_wedged_ = has_wedged_ || wedges;
  fail(reason);
}

void Slot::step_over(ModuleStep& step) {
  const auto removed = steps_.remove_if([&](const ModuleStep& s) { return &s == &step; });
  if (!PINNATE_CHECK(removed == 1, "a module step ended that its slot does not have"))
    core_->log(PINNATE_LOG_ERROR, defect().message());
  ended();
}

// Whether it may not be loaded now; then it has failed.
bool Slot::is_held() {
  std::int64_t wait_ms = 0;
  const auto held = world_->owner->hold(candidate_->artifact().digest, &wait_ms);
  if (held) fail(*held, wait_ms);
  return held.has_value();
}

void Slot::assemble() {
  if (is_held()) return;
  Candidate& c = *candidate_;
  const content::ArtifactEntry& artifact = c.artifact();
  c.service = world_->owner->new_service();
  const Token token = start(assemble_limit_ms(artifact.size_bytes), ": reading its artifact into memory", Hang::stops,
                            &Slot::assembled);
  const content::Release& release = c.entry->release;
  core_->act(Assemble{token, c.service, function_, release.version, c.manifest->loader, artifact, release.config,
                      c.manifest->limits.call_ms, release.allowed});
}

void Slot::assembled(Completion& done) {
  if (done.status.ok()) return candidate_->stops_first ? make_way(&Slot::load) : load();
  candidate_->service = 0;
  if (!done.chunks.empty() && !candidate_->restores) return damaged(done);
  fail(done.status.message());
}

// What was damaged on disk is fetched anew, at once.
void Slot::damaged(const Completion& done) {
  const Digest artifact = candidate_->artifact().digest;
  for (std::uint32_t index : done.chunks) world_->inventory->lost(artifact, index);
  const std::string what = named() + ": " + std::to_string(done.chunks.size()) + " stored chunks are damaged";
  // A disk that gives back something else each time: each try costs a transfer and some space.
  if (damaged_++ > 0)
    return fail(what + ", for the " + std::to_string(damaged_) +
                ". time in a row, and are fetched anew later (is the disk failing?): " + done.status.message());
  core_->log(PINNATE_LOG_WARNING, what + " and fetched anew");
  world_->turns->end();
  candidate_->has_turn = false;
  candidate_->attempt = ++attempts_;
  fetch();
}

void Slot::load() {
  if (is_held()) return;  // it may have waited for the way to be free
  const std::uint32_t limit_ms = candidate_->manifest->limits.load_ms;
  const Token token = start(limit_ms, ": loading", Hang::wedges, &Slot::loaded);
  core_->act(Load{{token, candidate_->service}, limit_ms});
}

void Slot::loaded(Completion& done) {
  if (!done.status.ok()) {
    candidate_->service = 0;
    return fail(done.status.message());
  }
  candidate_->one_at_a_time = done.one_at_a_time;
  if (candidate_->one_at_a_time || (active_ && active_->one_at_a_time)) candidate_->stops_first = true;
  return candidate_->stops_first ? make_way(&Slot::create) : create();
}

void Slot::create() {
  const Token token = start(candidate_->manifest->limits.create_ms, ": create", Hang::left_behind, &Slot::created);
  core_->act(Create{token, candidate_->service});
}

void Slot::created(Completion& c) {
  if (!c.status.ok()) return fail(c.status.message());
  if (PINNATE_PLANT(live_without_health_check)) return go_live();
  const Token token =
      start(candidate_->manifest->limits.health_ms, ": the health check", Hang::left_behind, &Slot::checked);
  core_->act(CheckHealth{token, candidate_->service});
}

void Slot::checked(Completion& c) {
  if (!c.status.ok()) return fail(c.status.message());
  go_live();
}

void Slot::go_live() {
  const bool restored = candidate_->restores;
  Service service;
  service.id = candidate_->service;
  service.entry = candidate_->entry;
  service.manifest = candidate_->manifest;
  service.place = candidate_->place;
  service.one_at_a_time = candidate_->one_at_a_time;
  (*world_->call_limits_ms)[function_] = service.manifest->limits.call_ms;
  candidate_.reset();
  world_->turns->end();
  core_->act(Activate{function_, service.id});
  trust_later(service);
  std::optional<Service> old = std::exchange(active_, std::move(service));
  world_->notices->say("brought back/" + function_, "");
  if (former_) world_->owner->artifact_retired();
  former_.reset();
  if (restored) {  // the one that is wanted failed, or has not been tried
    world_->owner->row_changed();
    if (!again_.set()) begin();
    return;
  }
  backoff_.reset();
  damaged_ = 0;
  blocked_ = false;
  set(wire::Phase::live);
  if (old && !PINNATE_PLANT(old_service_left_behind)) retire(std::move(*old));
}

void Slot::trust_later(Service& service) {
  service.trust = core_->alarm_in(kTrustAfterMs, [this, id = service.id] { core_->act(Trust{id}); });
}

void Slot::adopt() {
  active_->entry = wanted_;
  if (const auto manifest = world_->manifests->find(wanted_->release.manifest)) {
    (*world_->call_limits_ms)[function_] = manifest->limits.call_ms;
    active_->manifest = manifest;
  }
  set(wire::Phase::live);
}

// ---- failure ------------------------------------------------------------------------------------

void Slot::fail(const std::string& reason, std::int64_t wait_ms) {
  if (candidate_ && candidate_->restores) return not_brought_back(reason);
  drop_candidate();
  if (!PINNATE_PLANT(failure_kept_quiet)) set(wire::Phase::failed, reason);
  core_->log(PINNATE_LOG_WARNING, reason);
  again_.cancel();
  if (PINNATE_PLANT(failure_not_tried_again)) return;
  again_ = core_->alarm_in(wait_ms > 0 ? wait_ms : backoff_.next_ms(core_->random()), [this] { begin(); });
  bring_back();
}

// What it fetches is superseded, here or above: the release that takes its place is on its way.
void Slot::put_off() {
  drop_candidate();
  again_ = core_->alarm_in(kRetryMinMs, [this] { begin(); });
}

void Slot::source_up() {
  if (phase_ != wire::Phase::failed || candidate_ || !again_.set()) return;
  const auto manifest = wanted_ ? world_->manifests->find(wanted_->release.manifest) : nullptr;
  const content::ArtifactEntry* artifact = manifest ? manifest->artifact_for(world_->platform) : nullptr;
  if (manifest && (!artifact || world_->inventory->whole(*artifact))) return;  // it did not fail for want of a link
  again_.cancel();
  begin();
}

void Slot::retry_if_held() {
  // One that has wedged the engine would take the turn of those that it has held up, again.
  if (phase_ != wire::Phase::failed || candidate_ || !again_.set() || has_wedged_) return;
  again_.cancel();
  begin();
}

void Slot::loader_added() {
  if (phase_ == wire::Phase::incompatible && !candidate_) begin();
}

void Slot::drop_candidate() {
  if (!candidate_) return;
  const Candidate dropped = *std::exchange(candidate_, std::nullopt);
  if (dropped.step) return dropped.step->drop();
  if (dropped.service != 0) destroy(dropped.service);
  if (dropped.has_turn) world_->turns->end();
}

// ---- leaving ------------------------------------------------------------------------------------

std::string Slot::drain_notice(ServiceId id) const { return "drain/" + function_ + "/" + std::to_string(id); }

void Slot::retire(Service service) {
  world_->owner->artifact_retired();
  drain(service.id);
  wait_for_calls(service);
}

void Slot::drain(ServiceId id) {
  Leaving& leaving = leaving_[id];
  leaving.drain = core_->order([this, id](Completion&) {
    if (!PINNATE_CHECK(leaving_.contains(id), "a service drained that was not leaving"))
      return core_->log(PINNATE_LOG_ERROR, defect().message());
    leaving_[id].alarm.cancel();
    world_->notices->say(drain_notice(id), "");
    destroy(id);
  });
  core_->act(Drain{leaving.drain, id});
}

void Slot::wait_for_calls(const Service& service) {
  const std::uint32_t limit_ms = service.manifest->limits.drain_ms;
  leaving_[service.id].alarm =
      core_->alarm_in(limit_ms, [this, id = service.id, limit_ms, version = service.entry->release.version] {
        if (closing_) return give_up(id);
        world_->notices->say(drain_notice(id), "module '" + function_ + "' " + version + " still has calls after " +
                                                   std::to_string(limit_ms) +
                                                   " ms of draining and stays in memory until they end");
      });
}

void Slot::ended() {
  if (empty()) world_->owner->emptied(function_);
  way_may_be_free();
}

// Nobody waits for it any longer: it stays in memory until it returns.
void Slot::give_up(ServiceId id) {
  core_->forget_order(leaving_[id].drain);
  leaving_.erase(id);
  abandon(id);
  world_->owner->row_changed();
  ended();
}

void Slot::destroy(ServiceId id) {
  leaving_[id] = {};
  world_->turns->take_to_destroy([this, id] {
    const Token token = core_->order([this, id](Completion& c) {
      noted(c);
      leaving_.erase(id);
      destroyed(id, c.status);
      world_->turns->end();
      world_->owner->row_changed();
      ended();
    });
    leaving_[id].alarm = core_->alarm_in(kDestroyLimitMs, [this, id, token] {
      core_->forget_order(token);
      world_->notices->say("destroy/" + function_, "module '" + function_ + "': destroy took longer than " +
                                                       std::to_string(kDestroyLimitMs) +
                                                       " ms; the service stays in memory until it returns");
      world_->turns->end();
      give_up(id);
    });
    core_->act(Destroy{token, id});
  });
}

// What a module changed of the process lasts as long as that does, and so does the notice.
void Slot::noted(const Completion& c) {
  for (const std::string& notice : c.notices) world_->notices->say("module/" + notice, notice);
  if (c.kept) world_->owner->kept(*c.kept);
}

void Slot::destroyed(ServiceId id, const Status& status) {
  if (status.ok() || status.code() == PINNATE_FAILED) {  // gone all the same
    if (!status.ok()) core_->log(PINNATE_LOG_WARNING, status.message());
    return world_->notices->say("destroy/" + function_, "");
  }
  // Refused: there was no thread for it, or another engine's constructor is in its way.
  world_->notices->say("destroy/" + function_,
                       "module '" + function_ + "': it cannot be destroyed yet: " + status.message());
  if (closing_) return abandon(id);  // nobody waits for that to change
  leaving_[id].alarm = core_->alarm_in(kDestroyAgainMs, [this, id] { destroy(id); });
}

void Slot::close() {
  closing_ = true;
  want(nullptr);
  std::vector<ServiceId> late;  // over their limit, in calls
  for (const auto& [id, leaving] : leaving_)
    if (leaving.drain != 0 && !leaving.alarm.set()) late.push_back(id);
  for (ServiceId id : late) give_up(id);
}

// ---- what is told -------------------------------------------------------------------------------

std::vector<wire::ServiceRow> Slot::rows() const {
  std::vector<wire::ServiceRow> rows;
  // One that makes way is where calls still come, to wait.
  const bool held = former_ && world_->call_limits_ms->contains(function_);
  const Service* const serving = active_ ? &*active_ : held ? &*former_ : nullptr;
  const bool as_wanted = serving && wanted_ && serving->entry->digest == wanted_->digest;
  if (wanted_) {
    const content::Release& r = wanted_->release;
    rows.push_back({r.number, r.name, r.version, phase_, as_wanted, reason_});
  }
  if (serving && !as_wanted) {
    const content::Release& r = serving->entry->release;
    if (rows.empty() || rows[0].release != r.number)
      rows.push_back({r.number, r.name, r.version, wire::Phase::not_selected, true, ""});
  }
  return rows;
}

void Slot::artifacts_in_use(std::set<Digest>* used) const {
  for (const auto* service : {&active_, &former_})
    if (*service) used->insert((*service)->manifest->artifacts[(*service)->place].digest);
  const auto manifest = wanted_ ? world_->manifests->find(wanted_->release.manifest) : nullptr;
  if (const auto* artifact = manifest ? manifest->artifact_for(world_->platform) : nullptr)
    used->insert(artifact->digest);
}

}  // namespace pinnate::tier
