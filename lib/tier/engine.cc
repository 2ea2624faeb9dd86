#include "tier/engine.h"

#include "base/plant.h"
#include "content/selector.h"
#include "tier/calls.h"
#include "tier/replicator.h"
#include "tier/slot.h"

#include <algorithm>

namespace pinnate::tier {
namespace {

constexpr std::int64_t kReportIntervalMs = 10;
// On the way from one release to the next: most engines have arrived by then, and tell only that.
constexpr std::int64_t kProgressAfterMs = 500;
constexpr std::int64_t kQuarantineMinMs = 60000, kQuarantineMaxMs = 3600000;
constexpr std::uint32_t kDeathsInARow = 2;
constexpr std::ptrdiff_t kWatches = 256;  // over links
constexpr std::size_t kReportedRows = 1000;

class Engine final : public Tier, private LinkOwner {
 public:
  explicit Engine(EngineOptions options);

  void start(Now now, Restored restored) override;
  void link_opened(Now now, LinkId link) override { at(now), links_.opened(link), settle(); }
  void link_message(Now now, LinkId link, Buffer bytes) override;
  void link_heard(Now now, LinkId link) override { at(now), links_.heard(link); }
  void link_drained(Now now, LinkId link, Drained drained) override { at(now), links_.drained(link, drained); }
  void link_closed(Now now, LinkId link, Status why) override { at(now), links_.closed(link, why), settle(); }
  void completed(Now now, Completion completion) override { at(now), core_.complete(std::move(completion)), settle(); }
  void woke(Now now) override { at(now), core_.ring_alarms(), settle(); }
  std::int64_t next_wake_ms() const override { return core_.next_alarm_ms(); }
  EndpointId keep_link(Now now, Side side, const std::string& address) override {
    return at(now), links_.keep(side, address);
  }
  void release_link(Now now, EndpointId endpoint) override { at(now), links_.release(endpoint); }
  void close(Now now) override;
  bool closed() const override { return closing_ && slots_.empty(); }

 private:
  // LinkOwner
  void fill_hello(wire::Hello* hello) override {
    hello->platform = options_.platform;
    hello->position = state_.position();
  }
  Labels labels_below(const Session&) override { return {}; }
  Status admit(const Session&) override {
    if (closing_) return {PINNATE_CLOSED, "the engine is closing"};
    return {};
  }
  void link_up(Session& session) override;
  void link_down(Session& session, const Status& why) override;
  void message(Session& session, wire::Message& message) override;
  void room(Session&) override {}
  void refused(const Session&, const Status& why) override {
    core_.log(PINNATE_LOG_WARNING, "refused a peer: " + why.message());
  }

  void at(Now now) { core_.set_now(now); }
  void settle();  // after every report: forget empty slots, tell what changed
  void request(LinkId link, wire::Message& message);
  void take_desired(Session& session, const wire::Desired& page);
  void make_durable(LinkId link, const wire::Confirm& confirm, std::shared_ptr<DesiredState> next,
                    std::vector<Buffer> manifests);
  void applied(LinkId link, wire::Confirm confirm, DesiredState next, std::vector<Buffer> manifests);
  void take_labels(const Labels& inherited);
  void save_rest();
  using Chosen = std::map<std::string, const DesiredState::Entry*>;  // by function
  Chosen choose(const DesiredState& state) const;
  void evaluate();
  void drop_unused();
  using Watches = std::map<std::pair<LinkId, std::uint64_t>, std::string>;  // (link, id) -> name
  void report(const Watches& to);
  wire::EngineStatus status() const;
  std::optional<std::string> hold(const Digest& artifact, std::int64_t* wait_ms);
  bool run_here(const wire::Call& call, std::uint32_t timeout_ms, std::function<void(wire::Returned)> done);

  EngineOptions options_;
  Core core_;
  Links links_;
  DesiredState state_;
  Manifests manifests_;
  Inventory inventory_;
  Fetcher fetcher_;
  Calls calls_;
  StateReceiver receiver_;
  Labels inherited_;
  SlotWorld world_;
  std::map<std::string, std::unique_ptr<Slot>> slots_;
  bool applying_ = false;  // a new desired state is being made durable
  Backoff write_backoff_{1000, 30000};
  bool saving_rest_ = false, labels_unsaved_ = false;
  Backoff save_backoff_{1000, 30000};
  Core::AlarmId save_again_ = 0;
  Core::AlarmId write_again_ = 0;  // one that could not be
  std::shared_ptr<const DesiredState> unwritten_;
  std::string unwritten_why_;
  std::map<Digest, Restored::Death> deaths_;
  std::map<Digest, std::int64_t> quarantine_until_ms_;
  std::map<std::string, std::string> notices_;
  ModuleTurns turns_{&core_};
  ServiceId next_service_ = 1;
  bool dirty_ = false, moved_ = false, closing_ = false;
  bool strays_ = false;  // chunks came that nothing needs any more
  std::int64_t reported_ms_ = -1000000, moved_ms_ = 0, report_at_ms_ = 0;
  Core::AlarmId report_ = 0;
  Watches watches_;
};

Engine::Engine(EngineOptions options)
    : options_(std::move(options)),
      core_(options_.tier, &actions_),
      links_(&core_, wire::Role::engine, this),
      inventory_(&core_),
      fetcher_(&core_, &manifests_, &inventory_,
               {[this](const std::string& peer, const std::string& what) {
                  notices_["corrupt/" + peer] = what;
                  core_.log(PINNATE_LOG_WARNING, what);
                  dirty_ = true;
                },
                [this](const Digest&, const Status& why) {
                  core_.log(PINNATE_LOG_WARNING, "a chunk is not kept: " + why.message());
                },
                {},
                [this] { strays_ = true; },
                options_.durable}),
      calls_(&core_, &links_, nullptr, nullptr, &state_) {
  world_.core = &core_;
  world_.manifests = &manifests_;
  world_.inventory = &inventory_;
  world_.fetcher = &fetcher_;
  world_.platform = options_.platform;
  world_.changed = [this] { dirty_ = true; };
  world_.moved = [this] {
    if (!std::exchange(moved_, true)) moved_ms_ = core_.now().monotonic_ms;
  };
  world_.new_service = [this] { return next_service_++; };
  world_.notice = [this](std::string key, std::string text) {
    if (text.empty()) {
      if (notices_.erase(key) > 0) dirty_ = true;
      return;
    }
    core_.log(PINNATE_LOG_WARNING, text);
    if (notices_.size() < 32) notices_[std::move(key)] = std::move(text);
    dirty_ = true;
  };
  world_.hold = [this](const Digest& artifact, std::int64_t* wait_ms) { return hold(artifact, wait_ms); };
  world_.turns = &turns_;
  world_.wedged = [this](const std::string& who, bool wedged) {
    dirty_ = true;
    if (wedged) {
      turns_.wedge(who);
      notices_["wedged"] = "wedged by " + who + "; it loads nothing until that returns, or the engine restarts";
      return;
    }
    turns_.unwedge();
    notices_.erase("wedged");
    for (auto& [name, slot] : slots_) slot->retry_if_held();
  };
  calls_.set_local([this](const wire::Call& call, std::uint32_t timeout_ms, std::function<void(wire::Returned)> done) {
    return run_here(call, timeout_ms, std::move(done));
  });
}

void Engine::start(Now now, Restored restored) {
  at(now);
  if (auto state = DesiredState::restore(restored); state.ok())
    state_ = std::move(*state);
  else
    core_.log(PINNATE_LOG_WARNING, "the state folder is damaged and starts empty: " + state.status().message());
  if (const auto found = restored.records.find("context"); found != restored.records.end())
    if (auto context = wire::decode(found->second);
        context.ok() && context->has_value() && std::holds_alternative<wire::Context>(**context))
      inherited_ = std::get<wire::Context>(**context).inherited;
  manifests_.restore(restored);
  inventory_.restore(restored);
  for (const auto& death : restored.deaths) {
    deaths_[death.artifact] = death;
    if (death.in_a_row < kDeathsInARow) continue;
    std::int64_t wait_ms = kQuarantineMinMs;
    for (std::uint32_t i = kDeathsInARow; i < death.in_a_row && wait_ms < kQuarantineMaxMs; i++) wait_ms *= 2;
    quarantine_until_ms_[death.artifact] = now.monotonic_ms + std::min(wait_ms, kQuarantineMaxMs);
  }
  evaluate();
  settle();
}

// ---- links and messages -------------------------------------------------------------------------------------------

void Engine::link_message(Now now, LinkId link, Buffer bytes) {
  at(now);
  if (link != kHostLink) {
    links_.received(link, bytes);
  } else if (auto decoded = wire::decode(bytes); decoded.ok() && decoded->has_value()) {
    request(kHostLink, **decoded);
  } else {
    core_.log(PINNATE_LOG_ERROR, "a malformed request of the host: " + decoded.status().message());
  }
  settle();
}

void Engine::link_up(Session& session) {
  if (session.side != Side::upstream) return;
  receiver_.reset();
  fetcher_.source_up(session.link, std::string(role_name(session.peer.role)) + " '" + session.peer.id + "'");
  for (auto& [name, slot] : slots_) slot->source_up();
  reported_ms_ = -1000000;
  dirty_ = true;
}

void Engine::link_down(Session& session, const Status&) {
  if (session.side == Side::upstream && !links_.upstream()) fetcher_.source_down();
  calls_.link_down(session.link);
  std::erase_if(watches_, [&](const auto& w) { return w.first.first == session.link; });
}

void Engine::message(Session& session, wire::Message& m) {
  if (session.side != Side::upstream) return request(session.link, m);
  if (auto* desired = std::get_if<wire::Desired>(&m)) return take_desired(session, *desired);
  if (auto* chunk = std::get_if<wire::ChunkBytes>(&m)) return fetcher_.take(*chunk);
  if (auto* manifest = std::get_if<wire::ManifestBytes>(&m)) return fetcher_.take(*manifest);
  if (auto* welcome = std::get_if<wire::Welcome>(&m)) return take_labels(welcome->inherited);
  if (auto* context = std::get_if<wire::Context>(&m)) return take_labels(context->inherited);
  if (auto* call = std::get_if<wire::Call>(&m)) return calls_.take(session.link, *call);
  if (auto* cancel = std::get_if<wire::Cancel>(&m)) return calls_.cancel(session.link, cancel->id);
  if (auto* returned = std::get_if<wire::Returned>(&m)) calls_.take(session.link, *returned);
}

// What a client, or the process around, may ask.
void Engine::request(LinkId link, wire::Message& m) {
  const auto not_here = [&](std::uint64_t id, auto answer) {
    answer.id = id;
    answer.code = PINNATE_REFUSED;
    answer.reason = "'" + options_.tier.id + "' is an engine; ask the controller for this";
    core_.send(link, answer);
  };
  if (auto* call = std::get_if<wire::Call>(&m)) return calls_.take(link, *call);
  if (auto* cancel = std::get_if<wire::Cancel>(&m)) return calls_.cancel(link, cancel->id);
  if (auto* lookup = std::get_if<wire::Lookup>(&m)) {
    wire::Hello self;
    self.id = options_.tier.id;
    self.platform = options_.platform;
    self.labels = options_.tier.labels;
    wire::Tiers tiers;
    tiers.id = lookup->id;
    if (lookup->at == options_.tier.id) lookup->at.clear();
    if (auto row = engine_row(self, true, status(), state_, *lookup)) tiers.rows.push_back(std::move(*row));
    return core_.send(link, tiers);
  }
  if (auto* get = std::get_if<wire::GetStatus>(&m)) {
    if (get->end_watch) {
      watches_.erase({link, get->id});
      return;
    }
    // The host's own watch does not depend on what others ask over links.
    const auto others = std::count_if(watches_.begin(), watches_.end(),
                                      [](const auto& watch) { return watch.first.first != kHostLink; });
    if (get->watch && link != kHostLink && others >= kWatches) {
      wire::StatusReport full;
      full.id = get->id;
      full.code = PINNATE_BUSY;
      full.reason = "too many watches";
      return core_.send(link, full);
    }
    if (get->watch) watches_[{link, get->id}] = get->name;
    return report({{{link, get->id}, get->name}});
  }
  if (auto* p = std::get_if<wire::Publish>(&m)) return not_here(p->id, wire::Published{});
  if (auto* u = std::get_if<wire::Unpublish>(&m)) return not_here(u->id, wire::Done{});
  if (auto* l = std::get_if<wire::ListReleases>(&m)) not_here(l->id, wire::Releases{});
}

// ---- the desired state --------------------------------------------------------------------------------------------

void Engine::take_desired(Session& session, const wire::Desired& page) {
  if (applying_)
    return links_.refuse(session.link, {PINNATE_REFUSED, "a desired state before the last one was confirmed"});
  core_.cancel_alarm(&write_again_);  // what comes now is newer, or the same over another link
  wire::Confirm confirm;
  DesiredState next = state_;
  const bool advanced = receiver_.take(page, &next, &confirm);
  if (!receiver_.trouble().ok())
    world_.notice("desired", "cannot take the desired state: " + receiver_.trouble().message());
  else if (advanced)
    notices_.erase("desired");
  if (!advanced) return core_.send(session.link, confirm);
  auto manifests = receiver_.take_manifests();
  if (!options_.durable) return applied(session.link, confirm, std::move(next), std::move(manifests));
  if (PINNATE_PLANT(state_acted_on_before_it_is_durable)) {
    core_.act(Commit{core_.order([](Completion&) {}), next.changes_since(state_)});
    return applied(session.link, confirm, std::move(next), std::move(manifests));
  }
  write_backoff_.reset();
  make_durable(session.link, confirm, std::make_shared<DesiredState>(std::move(next)), std::move(manifests));
}

// Durable first: an engine that restarts must not act on an older state than it did before. One that cannot be written is not acted on,
// nor confirmed; it is written again until it can be, or until a newer one comes.
void Engine::make_durable(LinkId link, const wire::Confirm& confirm, std::shared_ptr<DesiredState> next,
                          std::vector<Buffer> manifests) {
  applying_ = true;
  std::set<Digest> wanted;  // what is superseded is not asked for meanwhile
  for (const auto& [name, entry] : choose(*next)) wanted.insert(entry->release.manifest);
  fetcher_.keep_only(wanted);
  std::vector<RecordWrite> writes = next->changes_since(state_);
  core_.act(Commit{core_.order([this, link, confirm, next, manifests = std::move(manifests)](Completion& c) mutable {
                     applying_ = false;
                     if (c.status.ok()) {
                       if (notices_.erase("disk") > 0) dirty_ = true;
                       unwritten_.reset();
                       return applied(link, confirm, std::move(*next), std::move(manifests));
                     }
                     world_.notice("disk", "cannot write the state folder, so releases up to revision " +
                                               std::to_string(next->position().revision) +
                                               " are not acted on: " + c.status.message());
                     unwritten_ = next;
                     unwritten_why_ = "cannot write the state folder: " + c.status.message();
                     write_again_ =
                         core_.alarm_in(write_backoff_.next_ms(core_.random()), [this, link, confirm, next, manifests] {
                           write_again_ = 0;
                           make_durable(link, confirm, next, manifests);
                         });
                   }),
                   std::move(writes)});
}

void Engine::applied(LinkId link, wire::Confirm confirm, DesiredState next, std::vector<Buffer> manifests) {
  state_ = std::move(next);
  for (const Buffer& bytes : manifests)
    if (auto added = manifests_.add(bytes); !added.ok()) core_.log(PINNATE_LOG_WARNING, added.status().message());
  if (links_.find(link)) core_.send(link, confirm);
  evaluate();
}

void Engine::take_labels(const Labels& inherited) {
  if (!check_labels(inherited).ok() || inherited == inherited_) return;
  inherited_ = inherited;
  labels_unsaved_ = true;
  save_rest();
  evaluate();
}

// For each function the newest release that selects this engine.
Engine::Chosen Engine::choose(const DesiredState& state) const {
  Labels labels = options_.tier.labels;
  if (!PINNATE_PLANT(inherited_labels_ignored)) labels.insert(inherited_.begin(), inherited_.end());
  Chosen chosen;
  for (const auto& [number, entry] : state.releases()) {
    auto selector = content::Selector::parse(entry.release.selector);
    if (selector.ok() && selector->matches(labels)) chosen[entry.release.name] = &entry;
  }
  return chosen;
}

void Engine::evaluate() {
  if (closing_) return;
  const bool moved_before = std::exchange(moved_, false);
  const std::int64_t moved_before_ms = moved_ms_;
  const Chosen chosen = choose(state_);
  std::set<Digest> manifests;
  for (const auto& [name, entry] : chosen) manifests.insert(entry->release.manifest);
  for (const auto& [name, entry] : chosen) {
    auto& slot = slots_[name];
    if (!slot) slot = std::make_unique<Slot>(&world_, name);
  }
  fetcher_.keep_only(manifests);
  for (auto& [name, slot] : slots_) {
    const auto found = chosen.find(name);
    slot->want(found == chosen.end() ? nullptr : found->second);
  }
  drop_unused();
  if (!moved_) dirty_ = true;  // there is nothing to do here, which upstream waits to hear
  if (!moved_before) return;
  moved_ = true;
  moved_ms_ = moved_before_ms;
}

void Engine::drop_unused() {
  std::set<Digest> manifests, artifacts;
  for (const auto& [number, entry] : state_.releases()) manifests.insert(entry.release.manifest);
  manifests_.keep_only(manifests);
  for (const auto& [name, slot] : slots_) slot->artifacts_in_use(&artifacts);
  inventory_.trim(artifacts, 0);
  save_rest();
}

// What a restart without a link needs beside the desired state: manifests, and the labels from above.
void Engine::save_rest() {
  if (!options_.durable || saving_rest_ || save_again_ != 0) return;
  std::vector<RecordWrite> writes = manifests_.take_changes();
  if (std::exchange(labels_unsaved_, false)) writes.push_back({"context", wire::encode(wire::Context{inherited_})});
  if (writes.empty()) return;
  saving_rest_ = true;
  core_.act(Commit{core_.order([this](Completion& c) {
                     saving_rest_ = false;
                     if (c.status.ok()) {
                       save_backoff_.reset();
                       return save_rest();
                     }
                     manifests_.changes_failed();
                     labels_unsaved_ = true;
                     core_.log(PINNATE_LOG_WARNING, "cannot write the state folder: " + c.status.message());
                     save_again_ = core_.alarm_in(save_backoff_.next_ms(core_.random()), [this] {
                       save_again_ = 0;
                       save_rest();
                     });
                   }),
                   std::move(writes)});
}

// ---- loading ------------------------------------------------------------------------------------------------------

std::optional<std::string> Engine::hold(const Digest& artifact, std::int64_t* wait_ms) {
  if (const std::string& by = turns_.wedged_by(); !by.empty())
    return "not loaded: the engine is wedged by " + by + "; it loads when that returns, or the engine restarts";
  const auto until = quarantine_until_ms_.find(artifact);
  if (until == quarantine_until_ms_.end()) return std::nullopt;
  const Restored::Death& death = deaths_[artifact];
  if (core_.now().monotonic_ms >= until->second) {  // one more try
    quarantine_until_ms_.erase(until);
    return std::nullopt;
  }
  *wait_ms = until->second - core_.now().monotonic_ms;
  return "quarantined: artifact " + artifact.hex().substr(0, 12) + " ended this engine " +
         std::to_string(death.in_a_row) + " times in a row (last in: " + death.moment + "); it is tried again in " +
         std::to_string(*wait_ms / 1000) + " s";
}

// ---- calls --------------------------------------------------------------------------------------------------------

bool Engine::run_here(const wire::Call& call, std::uint32_t timeout_ms, std::function<void(wire::Returned)> done) {
  const auto found = slots_.find(call.function);
  if (found == slots_.end() || !found->second->serving()) return false;
  timeout_ms = std::min(timeout_ms, found->second->call_limit_ms());
  const Token token = core_.order([done = std::move(done)](Completion& c) {
    wire::Returned returned;
    returned.code = c.status.code();
    returned.reason = c.status.message();
    returned.ran = c.status.code() != PINNATE_NOT_FOUND && c.status.code() != PINNATE_BUSY;
    returned.result = c.bytes;
    done(std::move(returned));
  });
  core_.act(Invoke{token, call.function, call.payload, timeout_ms});
  return true;
}

// ---- status -------------------------------------------------------------------------------------------------------

wire::EngineStatus Engine::status() const {
  wire::EngineStatus status;
  status.position = state_.position();
  for (const auto& [name, slot] : slots_)
    for (auto& row : slot->rows()) status.rows.push_back(std::move(row));
  // What it has heard of and may not act on yet.
  if (unwritten_)
    for (const auto& [name, entry] : choose(*unwritten_))
      if (!state_.find(entry->release.number))
        status.rows.push_back(
            {entry->release.number, name, entry->release.version, wire::Phase::failed, false, unwritten_why_});
  if (const auto wedged = notices_.find("wedged"); wedged != notices_.end())
    status.notice = wedged->second;
  else if (!notices_.empty())
    status.notice = notices_.begin()->second;
  status.notice = cut_reason(std::move(status.notice));
  fit_message(&status);
  return status;
}

void Engine::settle() {
  std::erase_if(slots_, [](const auto& s) { return s.second->empty(); });
  if (closing_) return;
  if (std::exchange(strays_, false)) drop_unused();
  if (!dirty_ && !moved_) return;
  const std::int64_t next_ms = dirty_ ? reported_ms_ + kReportIntervalMs : moved_ms_ + kProgressAfterMs;
  if (core_.now().monotonic_ms < next_ms) {
    if (report_ != 0 && report_at_ms_ <= next_ms) return;
    core_.cancel_alarm(&report_);
    report_at_ms_ = next_ms;
    report_ = core_.alarm_at(next_ms, [this] { report_ = 0; });  // settle follows
    return;
  }
  dirty_ = moved_ = false;
  reported_ms_ = core_.now().monotonic_ms;
  if (const Session* upstream = links_.upstream()) core_.send(upstream->link, status());
  report(watches_);
  drop_unused();
}

// To those who ask about this engine itself.
void Engine::report(const Watches& to) {
  if (to.empty()) return;
  const wire::EngineStatus now = status();
  const Contribution self = contribution_of(options_.tier.id, now, state_);
  for (const auto& [who, name] : to) {
    wire::StatusReport out;
    out.id = who.second;
    out.tier = options_.tier.id;
    out.position = state_.position();
    out.online = 1;
    if (!now.notice.empty()) out.notices.push_back(now.notice);
    for (auto it = self.rows.rbegin(); it != self.rows.rend() && out.rows.size() < kReportedRows; ++it) {
      const auto& [release, row] = *it;
      if (!name.empty() && row.name != name) continue;
      out.rows.push_back(status_row(row, self, state_.find(release) != nullptr));
      out.rows.back().failures = row.failures;
    }
    core_.send(who.first, out);
  }
}

void Engine::close(Now now) {
  at(now);
  if (closing_) return;
  closing_ = true;
  links_.say_goodbye(!options_.durable);
  for (auto& [name, slot] : slots_) slot->close();
  std::erase_if(slots_, [](const auto& s) { return s.second->empty(); });
}

}  // namespace

void fit_message(wire::EngineStatus* status) {
  constexpr std::size_t kMost = kMessageLimitBytes - 64 * 1024, kRow = 20;
  std::size_t rows = 0, reasons = 0;
  for (const wire::ServiceRow& row : status->rows) {
    rows += kRow + row.name.size() + row.version.size();
    reasons += row.reason.size();
  }
  if (rows + reasons <= kMost) return;
  const std::size_t each = rows < kMost ? (kMost - rows) / status->rows.size() : 0;
  for (wire::ServiceRow& row : status->rows) row.reason = cut_reason(std::move(row.reason), each);
}

std::unique_ptr<Tier> make_engine(EngineOptions options) { return std::make_unique<Engine>(std::move(options)); }

}  // namespace pinnate::tier
