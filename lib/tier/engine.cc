#include "tier/engine.h"

#include "base/plant.h"
#include "tier/call_router.h"
#include "tier/linked_tier.h"
#include "tier/lookup.h"
#include "tier/replicator.h"
#include "tier/saved_context.h"
#include "tier/slot.h"
#include "tier/tally.h"
#include "tier/watches.h"

#include <algorithm>

namespace pinnate::tier {
namespace {

constexpr std::int64_t kReportIntervalMs = 10;
// On the way from one release to the next: most engines have arrived by then, and tell only that.
constexpr std::int64_t kProgressAfterMs = 500;
constexpr std::int64_t kQuarantineMinMs = 60000, kQuarantineMaxMs = 3600000;
constexpr std::uint32_t kDeathsInARow = 2;
constexpr std::int64_t kDeathShownMs = 3600000;
constexpr std::int64_t kSlowCallShownMs = 3600000;
constexpr std::size_t kKeptTold = 256;
constexpr std::size_t kEngineWatches = 256;

class Engine final : public LinkedTier, private LinkOwner, private SlotOwner {
 public:
  explicit Engine(EngineOptions options);

  bool closed() const override { return closing_ && slots_.empty(); }

 private:
  void restore(const Restored& restored) override;
  void labels_changed() override { evaluate(); }
  void loader_added(const std::string& kind) override;
  void end() override;
  void host_message(wire::Message& message, const Buffer&) override { request(kHostLink, message); }
  void host_call(wire::CallView call) override { calls_.take(kHostLink, std::move(call)); }
  void settle() override;  // forgets empty slots, drops what is unused, tells what changed
  // LinkOwner, on both sides
  void fill_hello(wire::Hello* hello) override;
  void link_up(Session& session) override;
  void link_down(Session& session, const Status& why) override;
  void message(Session& session, wire::Message& message) override;
  void call(Session& session, wire::CallView call) override { calls_.take(session.link, std::move(call)); }
  void returned(Session& session, wire::ReturnedView returned) override {
    calls_.take(session.link, std::move(returned));
  }

  void request(LinkId link, wire::Message& message);
  void take_desired(Session& session, const wire::Desired& page);
  void make_durable(LinkId link, const wire::Confirm& confirm, std::shared_ptr<DesiredState> next,
                    std::vector<Buffer> manifests);
  void applied(LinkId link, wire::Confirm confirm, DesiredState next, std::vector<Buffer> manifests);
  void take_held_page();
  void take_labels(const Labels& inherited);
  using Chosen = std::map<std::string, DesiredState::SharedEntry>;  // by function
  Chosen choose(const DesiredState& state) const;
  void evaluate();
  void drop_unused();
  wire::StatusReport report(const std::string& name) const;
  wire::EngineStatus status() const;
  // SlotOwner
  void row_changed() override { dirty_ = true; }
  void row_moved() override {
    if (!std::exchange(moved_, true)) moved_ms_ = core_.now().monotonic_ms;
  }
  void artifact_retired() override { unused_ = true; }
  void emptied(const std::string& function) override { emptied_.push_back(function); }
  ServiceId new_service() override { return next_service_++; }
  std::optional<std::string> hold(const Digest& artifact, std::int64_t* wait_ms) override;
  void kept(const std::vector<wire::KeptImage>& images) override;
  void wedged(const std::string& who, bool wedged) override;
  void came_back(const std::string& function, ServiceId id) override;

  Token run_here(const wire::CallView& call, std::uint32_t timeout_ms, std::function<void(const wire::Returned&)> done);

  const bool durable_, ephemeral_;
  DesiredState state_;
  Manifests manifests_;
  Inventory inventory_;
  Fetcher fetcher_;
  CallRouter calls_;
  StateReceiver receiver_;
  Labels inherited_;
  SavedContext saved_;
  Notices notices_;
  ModuleTurns turns_{&core_};
  SlotWorld world_;
  std::map<std::string, std::unique_ptr<Slot>> slots_;
  std::unordered_map<std::string, std::uint32_t> call_limits_ms_;  // of functions that take calls now
  std::vector<wire::KeptImage> kept_;  // in memory although its service is gone
  std::vector<std::string> emptied_;  // slots that were empty, and may be
  bool unused_ = false;  // manifests and artifacts may be there that nothing needs any more
  bool applying_ = false;  // a new desired state is being made durable
  std::unique_ptr<std::pair<LinkId, wire::Desired>> held_page_;  // came meanwhile, over a new link
  Backoff write_backoff_{1000, 30000};
  Alarm write_again_;  // one that could not be
  std::vector<RecordWrite> strays_;  // records of a state that could not be restored, until they are removed
  std::vector<wire::ServiceRow> unwritten_;  // what it has heard of and may not act on yet
  std::map<Digest, Restored::Death> deaths_;
  std::map<Digest, std::int64_t> quarantine_until_ms_;
  ServiceId next_service_ = 1;
  bool dirty_ = false, moved_ = false;
  std::int64_t reported_ms_ = -1000000, moved_ms_ = 0;
  Alarm report_;
  Watches watches_{&core_, [this](const std::string& name) { return report(name); }, kEngineWatches};
};

Engine::Engine(EngineOptions options)
    : LinkedTier(options.tier, wire::Role::engine),
      durable_(options.durable),
      ephemeral_(options.ephemeral),
      inventory_(&core_),
      fetcher_(&core_, &manifests_, &inventory_,
               {[this](const std::string& peer, const std::string& what) {
                  notices_.say("corrupt/" + peer, what, kCorruptShownMs);
                },
                [this](const Digest&, const Status& why) {
                  core_.log(PINNATE_LOG_WARNING, "a chunk is not kept: " + why.message());
                },
                {},
                [this] { unused_ = true; },
                durable_}),
      calls_(&core_, &links_, nullptr, nullptr, &state_),
      saved_(&core_, &manifests_, &inherited_,
             {{},
              [this](const Status& s) {
                notices_.say("disk/context", s.ok() ? "" : "cannot write the state folder: " + s.message());
              }}),
      notices_(&core_, [this] { dirty_ = true; }),
      world_{this,
             &core_,
             &manifests_,
             &inventory_,
             &fetcher_,
             std::move(options.platform),
             std::move(options.loaders),
             &notices_,
             &turns_,
             &call_limits_ms_} {
  links_.set_owners(this, this);
  calls_.set_local([this](const wire::CallView& call, std::uint32_t timeout_ms,
                          std::function<void(const wire::Returned&)> done) {
    return run_here(call, timeout_ms, std::move(done));
  });
}

void Engine::restore(const Restored& restored) {
  if (auto state = DesiredState::restore(restored); state.ok()) {
    state_ = std::move(*state);
  } else {
    core_.log(PINNATE_LOG_WARNING, "the state folder is damaged and starts empty: " + state.status().message());
    strays_ = DesiredState::strays(restored, state_);
  }
  saved_.restore(restored);
  inventory_.restore(restored);
  for (const auto& death : restored.deaths) {
    deaths_[death.artifact] = death;
    if (death.last && !death.others.empty())
      notices_.say("died",
                   "the process before this one died: what did it cannot be told apart: " + death.name + " (" +
                       death.moment + ") or " + death.others,
                   kDeathShownMs);
    if (death.weight() < kDeathsInARow) continue;
    std::int64_t wait_ms = kQuarantineMinMs;
    for (std::uint32_t i = kDeathsInARow; i < death.weight() && wait_ms < kQuarantineMaxMs; i++) wait_ms *= 2;
    quarantine_until_ms_[death.artifact] = core_.now().monotonic_ms + std::min(wait_ms, kQuarantineMaxMs);
  }
  evaluate();
}

// ---- links and messages -------------------------------------------------------------------------

void Engine::fill_hello(wire::Hello* hello) {
  hello->platform = world_.platform;
  hello->position = state_.position();
  hello->ephemeral = ephemeral_;
}

void Engine::link_up(Session& session) {
  if (session.side != Side::upstream) return;
  receiver_.reset();
  fetcher_.source_up(session.link, named(session.peer));
  for (auto& [name, slot] : slots_) slot->source_up();
  reported_ms_ = -1000000;
  dirty_ = true;
}

void Engine::link_down(Session& session, const Status&) {
  if (session.side == Side::upstream && !links_.upstream()) fetcher_.source_down();
  if (held_page_ && held_page_->first == session.link) held_page_.reset();
  calls_.link_down(session.link);
  watches_.link_down(session.link);
}

void Engine::message(Session& session, wire::Message& m) {
  if (session.side != Side::upstream) return request(session.link, m);
  if (auto* desired = std::get_if<wire::Desired>(&m)) return take_desired(session, *desired);
  if (auto* chunk = std::get_if<wire::ChunkBytes>(&m)) return fetcher_.take(*chunk);
  if (auto* manifest = std::get_if<wire::ManifestBytes>(&m)) return fetcher_.take(*manifest);
  if (auto* welcome = std::get_if<wire::Welcome>(&m)) return take_labels(welcome->inherited);
  if (auto* context = std::get_if<wire::Context>(&m)) return take_labels(context->inherited);
  if (auto* cancel = std::get_if<wire::Cancel>(&m)) return calls_.cancel(session.link, cancel->id);
}

// What a client, or the process around, may ask.
void Engine::request(LinkId link, wire::Message& m) {
  if (auto* cancel = std::get_if<wire::Cancel>(&m)) return calls_.cancel(link, cancel->id);
  if (auto* lookup = std::get_if<wire::Lookup>(&m)) {
    wire::Hello self;
    self.id = core_.options().id;
    self.platform = world_.platform;
    self.labels = core_.options().labels;
    wire::Tiers tiers;
    tiers.id = lookup->id;
    if (lookup->at == core_.options().id) lookup->at.clear();
    if (auto row = engine_row(self, true, status(), state_, *lookup); row && !lookup->members) {
      row->online = links_.upstream() != nullptr;  // what it serves is so all the same
      tiers.rows.push_back(std::move(*row));
    }
    return core_.send(link, tiers);
  }
  if (auto* get = std::get_if<wire::GetStatus>(&m)) return watches_.asked(link, *get);
  core_.refuse(link, m, ask_the_controller(core_, "an engine"));
}

// ---- the desired state --------------------------------------------------------------------------

void Engine::take_desired(Session& session, const wire::Desired& page) {
  if (applying_) {  // the first of a new link, mostly
    held_page_ = std::make_unique<std::pair<LinkId, wire::Desired>>(session.link, page);
    return;
  }
  write_again_.cancel();  // what comes now is newer, or the same over another link
  wire::Confirm confirm;
  DesiredState next = state_;
  const bool advanced = receiver_.take(page, &next, &confirm);
  if (const Status& trouble = receiver_.trouble(); !trouble.ok() || advanced)
    notices_.say("desired", trouble.ok() ? "" : "cannot take the desired state: " + trouble.message());
  if (!advanced) return core_.send(session.link, confirm);
  auto manifests = receiver_.take_manifests();
  if (!durable_) return applied(session.link, confirm, std::move(next), std::move(manifests));
  if (PINNATE_PLANT(state_acted_on_before_it_is_durable)) {
    core_.act(Commit{core_.order([](Completion&) {}), next.changes_since(state_)});
    return applied(session.link, confirm, std::move(next), std::move(manifests));
  }
  write_backoff_.reset();
  make_durable(session.link, confirm, std::make_shared<DesiredState>(std::move(next)), std::move(manifests));
}

// Durable first: an engine that restarts must not act on an older state. What cannot be written is
// declined, and written again until a newer one comes.
void Engine::make_durable(LinkId link, const wire::Confirm& confirm, std::shared_ptr<DesiredState> next,
                          std::vector<Buffer> manifests) {
  applying_ = true;
  std::set<Digest> wanted;  // what is superseded is not asked for meanwhile
  for (const auto& [name, entry] : choose(*next)) wanted.insert(entry->release.manifest);
  fetcher_.keep_only(wanted);
  std::vector<RecordWrite> writes = strays_;
  for (auto& write : next->changes_since(state_)) writes.push_back(std::move(write));
  core_.act(Commit{core_.order([this, link, confirm, next, manifests = std::move(manifests)](Completion& c) mutable {
                     applying_ = false;
                     unwritten_.clear();
                     if (c.status.ok()) {
                       notices_.say("disk", "");
                       strays_.clear();
                       applied(link, confirm, std::move(*next), std::move(manifests));
                       return take_held_page();
                     }
                     const std::string why = "cannot write the state folder: " + c.status.message();
                     notices_.say("disk", why + "; releases up to revision " +
                                              std::to_string(next->position().revision) + " are not acted on");
                     for (const auto& [name, entry] : choose(*next))
                       if (!state_.find(entry->release.number))
                         unwritten_.push_back(
                             {entry->release.number, name, entry->release.version, wire::Phase::failed, false, why});
                     if (links_.find(link))
                       core_.send(link, wire::Confirm{state_.position(), confirm.page, false, state_.position()});
                     write_again_ = core_.alarm_in(
                         write_backoff_.next_ms(core_.random()),
                         [this, link, confirm, next, manifests] { make_durable(link, confirm, next, manifests); });
                     take_held_page();
                   }),
                   std::move(writes)});
}

void Engine::take_held_page() {
  const auto held = std::exchange(held_page_, nullptr);
  if (Session* session = held ? links_.find(held->first) : nullptr) take_desired(*session, held->second);
}

void Engine::applied(LinkId link, wire::Confirm confirm, DesiredState next, std::vector<Buffer> manifests) {
  state_ = std::move(next);
  for (const Buffer& bytes : manifests)
    if (auto added = manifests_.add(bytes); !added.ok()) core_.log(PINNATE_LOG_WARNING, added.status().message());
  if (links_.find(link)) core_.send(link, confirm);
  evaluate();
}

void Engine::take_labels(const Labels& inherited) {
  if (!saved_.take_labels(inherited)) return;
  evaluate();
}

// For each function the newest release that selects this engine.
Engine::Chosen Engine::choose(const DesiredState& state) const {
  Labels labels = core_.options().labels;
  if (!PINNATE_PLANT(inherited_labels_ignored)) labels.insert(inherited_.begin(), inherited_.end());
  Chosen chosen;
  for (const auto& [number, entry] : state.releases())
    // Without a selector it needs a feature that is not known here: its slot says so.
    if (!entry->selector || entry->selector->matches(labels)) chosen[entry->release.name] = entry;
  return chosen;
}

void Engine::evaluate() {
  if (closing_) return;
  const bool moved_before = std::exchange(moved_, false);
  const std::int64_t moved_before_ms = moved_ms_;
  const Chosen chosen = choose(state_);
  std::set<Digest> manifests;
  for (const auto& [name, entry] : chosen) {
    manifests.insert(entry->release.manifest);
    auto& slot = slots_[name];
    if (!slot) slot = std::make_unique<Slot>(&world_, name);
  }
  fetcher_.keep_only(manifests);
  for (auto& [name, slot] : slots_) {
    const auto found = chosen.find(name);
    slot->want(found == chosen.end() ? nullptr : found->second);
  }
  unused_ = true;
  if (!moved_) dirty_ = true;  // there is nothing to do here, which upstream waits to hear
  if (!moved_before) return;
  moved_ = true;
  moved_ms_ = moved_before_ms;
}

void Engine::drop_unused() {
  std::set<Digest> artifacts;
  manifests_.keep_only(state_.manifests());
  for (const auto& [name, slot] : slots_) slot->artifacts_in_use(&artifacts);
  inventory_.trim(artifacts, 0);
  if (durable_) saved_.save();
}

// ---- loading ------------------------------------------------------------------------------------

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
  return "quarantined: artifact " + artifact.hex().substr(0, 12) + (death.shared > 0 ? " may have ended" : " ended") +
         " this engine " + std::to_string(death.in_a_row) + " times in a row (last in: " + death.moment +
         (death.others.empty() ? "" : "; it may also have been " + death.others) + "); it is tried again in " +
         std::to_string(*wait_ms / 1000) + " s";
}

void Engine::kept(const std::vector<wire::KeptImage>& images) {
  if (images == kept_) return;
  kept_.assign(images.begin(), images.begin() + static_cast<std::ptrdiff_t>(std::min(images.size(), kKeptTold)));
  dirty_ = true;
}

void Engine::loader_added(const std::string& kind) {
  if (!world_.loaders.empty()) world_.loaders.insert(kind);
  for (auto& [name, slot] : slots_) slot->loader_added();
}

void Engine::wedged(const std::string& who, bool wedged) {
  notices_.say("wedged",
               wedged ? "wedged by " + who + "; it loads nothing until that returns, or the engine restarts" : "");
  if (wedged) return turns_.wedge(who);
  turns_.unwedge();
  for (auto& [name, slot] : slots_) slot->retry_if_held();
}

void Engine::came_back(const std::string& function, ServiceId id) {
  const auto left = world_.left_behind.find(function);
  left->second.erase(id);
  if (left->second.empty()) world_.left_behind.erase(left);
  if (const auto slot = slots_.find(function); slot != slots_.end()) slot->second->way_may_be_free();
}

// ---- calls --------------------------------------------------------------------------------------

Token Engine::run_here(const wire::CallView& call, std::uint32_t timeout_ms,
                       std::function<void(const wire::Returned&)> done) {
  std::string function(call.function);
  const auto limit_ms = call_limits_ms_.find(function);
  if (limit_ms == call_limits_ms_.end()) return 0;
  timeout_ms = std::min(timeout_ms, limit_ms->second);
  const Token token = core_.order([this, done = std::move(done)](Completion& c) {
    wire::Returned returned;
    returned.code = c.status.code();
    returned.reason = c.status.message();
    returned.ran = c.status.code() != PINNATE_NOT_FOUND && c.status.code() != PINNATE_BUSY;
    returned.result = c.bytes;
    for (const std::string& notice : c.notices) notices_.say("calls/" + notice, notice, kSlowCallShownMs);
    done(returned);
  });
  core_.act(Invoke{token, std::move(function), call.bytes.slice(call.payload), timeout_ms,
                   call.has_headers ? call.whole().headers : Labels()});
  return token;
}

// ---- status -------------------------------------------------------------------------------------

wire::EngineStatus Engine::status() const {
  wire::EngineStatus status;
  status.position = state_.position();
  for (const auto& [name, slot] : slots_)
    for (auto& row : slot->rows()) status.rows.push_back(std::move(row));
  status.rows.insert(status.rows.end(), unwritten_.begin(), unwritten_.end());
  status.notice = notices_.first();
  status.kept = kept_;
  fit_message(&status);
  return status;
}

void Engine::settle() {
  for (const std::string& name : std::exchange(emptied_, {}))
    if (const auto slot = slots_.find(name); slot != slots_.end() && slot->second->empty()) slots_.erase(slot);
  if (closing_) return;
  if (std::exchange(unused_, false)) drop_unused();
  if (!dirty_ && !moved_) return;
  const std::int64_t next_ms = dirty_ ? reported_ms_ + kReportIntervalMs : moved_ms_ + kProgressAfterMs;
  if (core_.now().monotonic_ms < next_ms) {
    if (report_.set() && report_.at_ms() <= next_ms) return;
    report_ = core_.alarm_at(next_ms, [] {});  // settle follows
    return;
  }
  dirty_ = moved_ = false;
  reported_ms_ = core_.now().monotonic_ms;
  if (const Session* upstream = links_.upstream()) core_.send(upstream->link, status());
  watches_.changed();
  if (durable_) saved_.save();
}

wire::StatusReport Engine::report(const std::string& name) const {
  Child self;
  self.hello.role = wire::Role::engine;
  self.hello.id = core_.options().id;
  self.link = 1;  // any: it is online
  self.status = status();
  Tally tally(&state_);
  tally.add(self);
  wire::StatusReport out;
  out.tier = core_.options().id;
  if (!self.status.notice.empty()) out.notices.push_back(self.status.notice);
  tally.report(name, &out);
  return out;
}

void Engine::end() {
  links_.say_goodbye(!durable_ || ephemeral_);
  for (auto& [name, slot] : slots_) slot->close();
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
