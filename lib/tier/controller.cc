#include "tier/controller.h"

#include "base/plant.h"
#include "content/sha256.h"
#include "tier/downstream.h"
#include "tier/history.h"
#include "tier/linked_tier.h"
#include "tier/publishing.h"

#include <algorithm>
#include <deque>
#include <utility>

namespace pinnate::tier {
namespace {

constexpr std::size_t kMostAllowed = 64;
constexpr std::size_t kPublishesAtOnce = 16;

class Controller final : public LinkedTier, private Downstream::Owner {
 public:
  explicit Controller(ControllerOptions options)
      : LinkedTier(options.tier, wire::Role::controller),
        options_(std::move(options)),
        downstream_({&core_, &links_, &state_, &manifests_, &inventory_, &notices_, nullptr}, this,
                    options_.forget_after_ms) {
    links_.set_owners(&downstream_, &downstream_);
  }

  bool closed() const override { return closing_ && !next_ && decisions_.empty(); }

 private:
  // What a decision changes, worked out from the present state; applied when it has been written.
  struct Difference {
    std::uint64_t epoch = 0, revision = 0;
    std::vector<std::uint64_t> withdrawn;
    std::vector<DesiredState::Entry> added;
    History::Difference history;
    std::vector<RecordWrite> notes;
  };
  struct Decision {
    std::function<Result<std::optional<Difference>>()> make;  // nothing: all is as it should be already
    std::function<void(const Status&)> done;
  };
  void restore(const Restored& restored) override;
  void labels_changed() override { downstream_.inherited_changed(); }
  void end() override { downstream_.close(); }
  void host_message(wire::Message& message, const Buffer&) override { downstream_.ask(kHostLink, message); }
  void host_call(wire::CallView call) override { downstream_.calls().take(kHostLink, std::move(call)); }
  // Downstream::Owner
  void request(LinkId link, wire::Message& message) override;
  void heard_of(const wire::Position& position, const std::string& who) override;
  void status_taken(const wire::Position& at) override;
  std::uint64_t artifact_limit_bytes() override { return options_.artifact_limit_bytes; }
  void tell_status() override { note_lost_releases(); }
  void link_lost(LinkId link) override;

  std::set<Digest> manifests_in_use() const;
  void state_changed();
  void trim();
  static Status not_started() {
    return {PINNATE_CORRUPT, "the controller's state folder is damaged; nothing can be decided"};
  }
  void decide(Decision decision);
  void next_decision();

  void publish(LinkId link, const wire::Publish& publish);
  void begin_publishes();
  void published(Publishing& publishing, const Status& status);
  void answer_publish(LinkId link, const Status& status, wire::Published answer);
  Status check_publish(const content::Manifest& manifest, const wire::Publish& publish, std::string* selector) const;
  const DesiredState::Entry* unchanged(const wire::Publish& publish, const Digest& manifest, const std::string& name,
                                       const std::string& selector) const;
  Result<std::optional<Difference>> make_release(const wire::Publish& publish, const Digest& manifest,
                                                 std::uint64_t* number) const;
  Result<std::optional<Difference>> make_withdrawal(const wire::Unpublish& unpublish) const;
  Difference make_epoch() const;
  void unpublish(LinkId link, const wire::Unpublish& unpublish);
  void list(LinkId link, const wire::ListReleases& list);
  void begin_epoch();
  std::string restored_copy(std::uint64_t epoch) const;
  void note_lost_releases();

  ControllerOptions options_;
  DesiredState state_;
  Manifests manifests_;
  Inventory inventory_{&core_};
  Notices notices_{&core_, [this] { downstream_.status_changed(); }};
  Downstream downstream_;
  History history_;
  // Else its state was lost, and a copy of it that is put back needs all that is here.
  bool started_ = false;
  std::list<Publishing> publishing_;
  std::deque<Decision> decisions_;
  std::unique_ptr<DesiredState> next_;  // being written; null: nothing is decided now
  bool new_epoch_waits_ = false;
  Backoff epoch_backoff_{1000, 30000};
  Alarm epoch_again_;
  wire::Position heard_;  // the highest position of another history
};

void Controller::restore(const Restored& restored) {
  auto state = DesiredState::restore(restored);
  if (state.ok()) {
    state_ = std::move(*state);
  } else {
    // Without its desired state a controller must not speak for the fleet.
    notices_.say("state", "the state folder is damaged: " + state.status().message() + "; put back a copy of it");
    core_.log(PINNATE_LOG_ERROR, state.status().message());
  }
  started_ = state.ok();
  for (const std::string& words : manifests_.restore(restored)) core_.log(PINNATE_LOG_WARNING, words);
  inventory_.restore(restored);
  for (const std::string& note : history_.restore(restored)) core_.log(PINNATE_LOG_WARNING, note);
  downstream_.directory().restore(restored);
  if (const auto found = restored.records.find("restored-copy"); found != restored.records.end())
    notices_.say("restored-copy", found->second.str());
  state_changed();
}

void Controller::state_changed() {
  if (started_) manifests_.keep_only(manifests_in_use());
  trim();
  downstream_.state_changed(manifests_in_use());
}

void Controller::trim() {
  if (started_) downstream_.trim(manifests_in_use(), 4 * options_.artifact_limit_bytes);
}

// ---- decisions ----------------------------------------------------------------------------------
// One at a time; nothing is sent downstream, or acknowledged, that a crash could take back.

void Controller::decide(Decision decision) {
  decisions_.push_back(std::move(decision));
  if (!next_) next_decision();
}

void Controller::next_decision() {
  while (!next_ && !decisions_.empty()) {
    Decision decision = std::move(decisions_.front());
    decisions_.pop_front();
    auto made = started_ ? decision.make() : Result<std::optional<Difference>>(not_started());
    if (!made.ok() || !made->has_value()) {
      decision.done(made.status());
      continue;
    }
    Difference& difference = **made;
    next_ = std::make_unique<DesiredState>(state_);
    next_->decide(difference.epoch, difference.revision, difference.withdrawn, difference.added);
    difference.history.passed = next_->position();
    std::vector<RecordWrite> writes = history_.writes(difference.history);
    std::move(difference.notes.begin(), difference.notes.end(), std::back_inserter(writes));
    for (auto& write : manifests_.take_changes()) writes.push_back(std::move(write));
    for (auto& write : next_->changes_since(state_)) writes.push_back(std::move(write));
    if (PINNATE_PLANT(acknowledged_before_durable)) std::exchange(decision.done, [](const Status&) {})({});
    if (PINNATE_PLANT(sent_before_durable)) {
      state_ = *next_;
      downstream_.state_changed(manifests_in_use());
    }
    core_.act(Commit{core_.order([this, history = std::move(difference.history),
                                  done = std::move(decision.done)](Completion& c) {
                       const auto next = std::exchange(next_, nullptr);
                       if (PINNATE_PLANT(decision_kept_after_failed_write)) c.status = {};
                       if (c.status.ok()) {
                         state_ = std::move(*next);
                         history_.apply(history);
                       } else {
                         manifests_.changes_failed();
                       }
                       done(c.status);
                       if (c.status.ok()) state_changed();
                       next_decision();
                     }),
                     std::move(writes)});
  }
}

// ---- publish ------------------------------------------------------------------------------------

void Controller::request(LinkId link, wire::Message& m) {
  if (auto* p = std::get_if<wire::Publish>(&m)) return publish(link, *p);
  if (auto* u = std::get_if<wire::Unpublish>(&m)) return unpublish(link, *u);
  if (auto* l = std::get_if<wire::ListReleases>(&m)) return list(link, *l);
  if (auto* chunk = std::get_if<wire::ChunkBytes>(&m))
    for (auto& p : publishing_)
      if (p.link() == link) p.take(*chunk);
}

std::set<Digest> Controller::manifests_in_use() const {
  auto used = state_.manifests();
  for (const auto& p : publishing_) used.insert(p.manifest());
  return used;
}

Status Controller::check_publish(const content::Manifest& manifest, const wire::Publish& publish,
                                 std::string* selector) const {
  if (const std::string need = content::unknown_need(publish.needs, content::kPublishFeatures); !need.empty())
    return {PINNATE_UNSUPPORTED, "it needs the feature '" + need + "', which this controller does not know"};
  if (Status s = content::check_sizes(manifest, options_.artifact_limit_bytes); !s.ok()) return s;
  if (publish.config.size() > kConfigLimitBytes)
    return {PINNATE_TOO_LARGE, "a configuration of " + std::to_string(publish.config.size()) + " bytes; the limit is " +
                                   std::to_string(kConfigLimitBytes)};
  if (publish.allowed.size() > kMostAllowed)
    return {PINNATE_TOO_LARGE, "more than " + std::to_string(kMostAllowed) + " findings are allowed"};
  for (const std::string& word : publish.allowed)
    if (Status s = check_feature(word); !s.ok()) return s;
  auto parsed = content::Selector::parse(publish.selector);
  if (!parsed.ok()) return parsed.status();
  *selector = parsed->str();
  // Chunks are held by artifact: two lists under one digest would make each other's bytes wrong.
  if (const content::ArtifactEntry* other = manifests_.contradicting(manifest))
    return {PINNATE_CONFLICT, "module '" + manifest.name + "' " + manifest.version + ": artifact " +
                                  other->digest.hex() +
                                  " is held with another size or other chunks; whoever made this manifest is wrong"};
  return history_.check_same_bytes(manifest);
}

// Those that its engines must know as well.
std::vector<std::string> needs_of_release(const wire::Publish& publish) {
  std::vector<std::string> needs;
  for (const std::string_view need : content::kReleaseFeatures)
    if (content::has_need(publish.needs, need)) needs.emplace_back(need);
  return needs;
}

// The newest current release of `name`, if it says exactly this already.
const DesiredState::Entry* Controller::unchanged(const wire::Publish& publish, const Digest& manifest,
                                                 const std::string& name, const std::string& selector) const {
  for (auto it = state_.releases().rbegin(); it != state_.releases().rend(); ++it) {
    const content::Release& release = it->second->release;
    if (release.name != name) continue;
    const bool same = release.manifest == manifest && release.selector == selector &&
                      release.config == publish.config && release.allowed == publish.allowed &&
                      release.needs == needs_of_release(publish);
    return same ? it->second.get() : nullptr;
  }
  return nullptr;
}

void Controller::answer_publish(LinkId link, const Status& status, wire::Published answer) {
  answer.code = status.code();
  answer.reason = cut_reason(status.message());
  answer.position = state_.position();
  downstream_.answer(link, answer);
}

void Controller::publish(LinkId link, const wire::Publish& request) {
  wire::Published answer;
  answer.id = request.id;
  const auto refuse = [&](const Status& status) { answer_publish(link, status, answer); };
  if (closing_) return refuse({PINNATE_CLOSED, "the controller is closing"});
  if (!started_) return refuse(not_started());  // before its bytes are brought in
  if (publishing_.size() >= kPublishesAtOnce)
    return refuse({PINNATE_BUSY, "more than " + std::to_string(kPublishesAtOnce) + " publishes are under way"});
  auto decoded = content::decode_manifest(request.manifest);
  if (!decoded.ok()) return refuse(decoded.status());
  std::string selector;
  if (Status s = check_publish(*decoded, request, &selector); !s.ok()) return refuse(s);
  const Digest digest = content::sha256(request.manifest.view());
  // What was lost of its bytes, to a damaged disk, is taken anew.
  const bool whole = std::all_of(decoded->artifacts.begin(), decoded->artifacts.end(), [&](const auto& a) {
    return inventory_.whole(a) && !inventory_.doubts_any(a.digest);
  });
  if (const auto* same = unchanged(request, digest, decoded->name, selector); same && whole) {
    answer.release = same->release.number;
    return answer_publish(link, {}, answer);
  }
  if (auto added = manifests_.add(request.manifest); !added.ok()) return refuse(added.status());
  const Session* publisher = links_.find(link);
  publishing_.emplace_back(&core_, &manifests_, &inventory_, link,
                           publisher ? "the publisher '" + publisher->peer.id + "'" : "the publisher", request, digest,
                           [this](Publishing& p, const Status& status) { published(p, status); });
  begin_publishes();
}

// Of one module version one at a time: what it brings in the next need not ask for again.
void Controller::begin_publishes() {
  for (Publishing& waiting : publishing_) {
    if (waiting.begun()) continue;
    const bool alone = std::none_of(publishing_.begin(), publishing_.end(), [&](const Publishing& p) {
      return p.begun() && p.manifest() == waiting.manifest();
    });
    if (alone) waiting.begin();
  }
}

void Controller::published(Publishing& done, const Status& status) {
  const auto it =
      std::find_if(publishing_.begin(), publishing_.end(), [&](const Publishing& p) { return &p == &done; });
  if (it == publishing_.end()) return;  // its link went meanwhile
  const LinkId link = done.link();
  const auto answer = std::make_shared<wire::Published>();
  answer->id = done.request().id;
  if (!status.ok()) {
    publishing_.erase(it);
    manifests_.keep_only(manifests_in_use());
    // What came of it would keep the next one from fitting; or it is not to be kept.
    if (status.code() == PINNATE_NO_SPACE || status.code() == PINNATE_CORRUPT)
      inventory_.trim(manifests_.artifacts_of(manifests_in_use()), 0);
    core_.log(PINNATE_LOG_WARNING, "a publish failed: " + status.message());
    answer_publish(link, status, *answer);
    return begin_publishes();
  }
  const std::int64_t before_ms = done.whole_ms();
  decide({[this, publish = done.request(), manifest = done.manifest(), answer] {
            auto difference = make_release(publish, manifest, &answer->release);
            answer->created = difference.ok() && difference->has_value();
            return difference;
          },
          [this, it, link, answer, before_ms](const Status& decided) {
            if (!decided.ok()) {
              core_.log(PINNATE_LOG_WARNING, "a publish failed: " + decided.message());
              answer->release = 0;
              answer->created = false;
            } else if (const auto* entry = answer->created ? state_.find(answer->release) : nullptr) {
              core_.log(PINNATE_LOG_INFO, "published '" + entry->release.name + "' " + entry->release.version +
                                              " as release " + std::to_string(answer->release));
            }
            publishing_.erase(it);
            answer->durable_us = static_cast<std::uint64_t>(core_.now().monotonic_ms - before_ms) * 1000;
            answer_publish(link, decided, *answer);
            begin_publishes();
          }});
}

Result<std::optional<Controller::Difference>> Controller::make_release(const wire::Publish& publish,
                                                                       const Digest& digest,
                                                                       std::uint64_t* number) const {
  const auto manifest = manifests_.find(digest);
  std::string selector;
  // Again: another publish may have been decided since.
  if (Status s = check_publish(*manifest, publish, &selector); !s.ok()) return s;
  if (const auto* same = unchanged(publish, digest, manifest->name, selector)) {
    *number = same->release.number;
    return std::optional<Difference>();
  }
  content::Release release;
  release.epoch = std::max<std::uint64_t>(1, state_.position().epoch);
  release.number = state_.position().revision + 1;
  release.name = manifest->name;
  release.version = manifest->version;
  release.manifest = digest;
  release.selector = selector;
  release.config = publish.config;
  release.allowed = publish.allowed;
  release.decided_unix_ms = core_.now().wall_ms;
  release.needs = needs_of_release(publish);
  auto entry = DesiredState::make_entry(content::encode_release(release));
  if (!entry.ok()) return {PINNATE_INTERNAL, "a release that cannot be read back: " + entry.status().message()};

  Difference difference;
  difference.epoch = release.epoch;
  difference.revision = release.number;
  if (selector.empty() && !content::has_need(publish.needs, content::kKeepOlder))
    for (const auto& [n, other] : state_.releases())
      if (other->release.name == release.name) difference.withdrawn.push_back(n);
  if (state_.releases().size() - difference.withdrawn.size() >= kReleaseLimit)
    return {PINNATE_TOO_LARGE, std::to_string(kReleaseLimit) + " releases are current; withdraw some first"};
  if (state_.size_bytes() + entry->record.size() > kStateLimitBytes)
    return {PINNATE_TOO_LARGE,
            "the configurations of all current releases are over " + std::to_string(kStateLimitBytes) + " bytes"};

  History::Entry past;
  past.facts.number = release.number;
  past.facts.name = release.name;
  past.facts.version = release.version;
  past.facts.selector = selector;
  past.facts.manifest = digest;
  past.facts.platforms = manifest->platforms();
  past.facts.decided_unix_ms = release.decided_unix_ms;
  past.facts.current = true;
  for (const auto& artifact : manifest->artifacts) {
    past.facts.artifact_bytes += artifact.size_bytes;
    past.artifacts[artifact.platform] = artifact.digest;
  }
  for (std::uint64_t n : difference.withdrawn)
    difference.history.ended[n] = "superseded by " + std::to_string(release.number);
  difference.history.added.push_back(std::move(past));
  difference.added.push_back(std::move(*entry));
  *number = release.number;
  return std::optional(std::move(difference));
}

Result<std::optional<Controller::Difference>> Controller::make_withdrawal(const wire::Unpublish& request) const {
  if (Status s = check_function_name(request.name); !s.ok()) return s;
  Difference difference;
  for (const auto& [number, entry] : state_.releases())
    if (entry->release.name == request.name && (request.release == 0 || request.release == number)) {
      difference.withdrawn.push_back(number);
      difference.history.ended[number] = "withdrawn";
    }
  if (difference.withdrawn.empty())
    return {PINNATE_NOT_FOUND, request.release == 0 ? "no release of '" + request.name + "' is current"
                                                    : "release " + std::to_string(request.release) + " of '" +
                                                          request.name + "' is not current"};
  difference.epoch = state_.position().epoch;
  difference.revision = state_.position().revision + 1;
  return std::optional(std::move(difference));
}

void Controller::unpublish(LinkId link, const wire::Unpublish& request) {
  decide({[this, request] { return make_withdrawal(request); },
          [this, link, id = request.id](const Status& status) {
            downstream_.answer(link, wire::Done{id, status.code(), cut_reason(status.message())});
          }});
}

void Controller::list(LinkId link, const wire::ListReleases& request) {
  wire::Releases out;
  out.id = request.id;
  out.releases = history_.list(request.name, 1000);
  core_.send(link, out);
}

void Controller::link_lost(LinkId link) {
  // What is still pulled from a lost link cannot end; a decision under way does, unanswered.
  for (auto it = publishing_.begin(); it != publishing_.end();) {
    const bool pulling = it->link() == link && it->whole_ms() == 0;
    it = pulling ? publishing_.erase(it) : std::next(it);
  }
  trim();  // what came of it is kept only as far as the limit goes
  begin_publishes();
}

// ---- a restored copy ----------------------------------------------------------------------------

void Controller::heard_of(const wire::Position& p, const std::string& who) {
  if (PINNATE_PLANT(epoch_not_raised) || !started_ || p.revision == 0 || p.epoch == 0) return;
  const wire::Position& own = state_.position();
  if (!p.newer_than(own) && !(p.epoch == own.epoch && history_.contradicts(p))) return;
  if (!own.could_precede(p)) {
    // Nobody below could know of it, and to follow it would use the numbers up.
    core_.log(PINNATE_LOG_ERROR, who + " claims revision " + std::to_string(p.revision) + " of epoch " +
                                     std::to_string(p.epoch) + ", which this fleet cannot have reached: not believed");
    return;
  }
  if (p.newer_than(heard_)) heard_ = p;
  if (!std::exchange(new_epoch_waits_, true)) begin_epoch();
}

// Its disk came from a backup: what it knows is the truth, under an epoch above all seen.
Controller::Difference Controller::make_epoch() const {
  const wire::Position& mine = state_.position();
  Difference difference;
  difference.epoch = std::max(heard_.epoch, mine.epoch) + 1;
  difference.revision = std::max(heard_.revision, mine.revision) + 1;
  difference.notes.push_back({"restored-copy", Buffer(restored_copy(difference.epoch))});
  return difference;
}

std::string Controller::restored_copy(std::uint64_t epoch) const {
  return "epoch " + std::to_string(epoch) + " began because the fleet knew of revision " +
         std::to_string(heard_.revision) + " of epoch " + std::to_string(heard_.epoch) +
         ": the state folder was restored from a copy; releases acknowledged after it are lost, "
         "those still served are listed in the history";
}

void Controller::begin_epoch() {
  decide({[this]() -> Result<std::optional<Difference>> { return std::optional(make_epoch()); },
          [this](const Status& status) {
            if (!status.ok()) {  // nobody may say it again: it is tried until it can be written
              epoch_again_ = core_.alarm_in(epoch_backoff_.next_ms(core_.random()), [this] { begin_epoch(); });
              return;
            }
            new_epoch_waits_ = false;
            epoch_backoff_.reset();
            if (heard_.newer_than(state_.position())) {  // while this one was written
              new_epoch_waits_ = true;
              return begin_epoch();
            }
            notices_.say("restored-copy", restored_copy(state_.position().epoch));
          }});
}

// An engine that has moved on speaks of them no more, and that may be soon.
void Controller::status_taken(const wire::Position& at) {
  if (at.epoch != state_.position().epoch || at.newer_than(state_.position())) note_lost_releases();
}

// Releases that engines serve and this history goes back to, but does not know, were acknowledged
// after the copy it was restored from. Where a number is given again just now, it is the new
// release's.
void Controller::note_lost_releases() {
  History::Difference difference;
  const std::uint64_t begins_at = history_.begins_at();
  for (const auto& [key, row] : downstream_.directory().tally().rows()) {
    const std::uint64_t number = key.release;
    // A number above the revision will be passed over when this copy begins its epoch.
    const bool given = number <= state_.position().revision || new_epoch_waits_;
    if (number < begins_at || history_.knows(number) || !given || !row.served()) continue;
    if (next_ && next_->releases().contains(number)) continue;
    if (!difference.added.empty() && difference.added.back().facts.number == number) continue;
    History::Entry lost;
    lost.facts.number = number;
    lost.facts.name = key.name;
    lost.facts.version = key.version;
    lost.facts.ended = "lost with a restored copy";
    difference.added.push_back(std::move(lost));
  }
  downstream_.commit(history_.writes(difference));
  history_.apply(difference);
}

}  // namespace

std::unique_ptr<Tier> make_controller(ControllerOptions options) {
  return std::make_unique<Controller>(std::move(options));
}

}  // namespace pinnate::tier
