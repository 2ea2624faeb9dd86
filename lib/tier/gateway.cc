#include "tier/gateway.h"

#include "base/plant.h"
#include "tier/downstream.h"
#include "tier/linked_tier.h"
#include "tier/members.h"
#include "tier/saved_context.h"

#include <algorithm>

namespace pinnate::tier {
namespace {

constexpr std::int64_t kComeBackMs = 10000, kGatherMostMs = 3200;

class Gateway final : public LinkedTier, private LinkOwner, private Downstream::Owner {
 public:
  explicit Gateway(GatewayOptions options)
      : LinkedTier(options.tier, wire::Role::gateway),
        options_(std::move(options)),
        downstream_({&core_, &links_, &state_, &manifests_, &inventory_, &notices_, &fetcher_}, this,
                    options_.forget_after_ms),
        fetcher_(&core_, &manifests_, &inventory_,
                 {[this](const std::string& peer, const std::string& what) {
                    notices_.say("corrupt/" + peer, what, kCorruptShownMs);
                  },
                  [this](const Digest& artifact, const Status& why) {
                    not_kept_.insert(artifact);
                    notices_.say("chunks", "a chunk is passed on but not kept: " + why.message());
                  },
                  [this](const Digest& artifact) {
                    if (not_kept_.erase(artifact) > 0 && not_kept_.empty()) notices_.say("chunks", "");
                    fill_up();
                  },
                  {},  // kept as long as the cache has room
                  true}),
        saved_(&core_, &manifests_, downstream_.inherited(),
               {[this](std::vector<RecordWrite>* writes) { add_state(writes); },
                [this](const Status& status) { written(status); }}) {
    links_.set_owners(this, &downstream_);
  }

 private:
  void restore(const Restored& restored) override;
  void labels_changed() override { downstream_.inherited_changed(); }
  void members_named(const std::string& source, std::optional<Naming> naming) override {
    members_.named(source, std::move(naming));
  }
  MemberCounts member_counts() override;
  void end() override {
    members_.save_now();
    downstream_.close();
  }
  void host_message(wire::Message& message, const Buffer&) override { downstream_.ask(kHostLink, message); }
  void host_call(wire::CallView call) override { downstream_.calls().take(kHostLink, std::move(call)); }
  // LinkOwner, of the link upstream
  void fill_hello(wire::Hello* hello) override { hello->position = state_.position(); }
  void link_up(Session& session) override;
  void link_down(Session& session, const Status& why) override;
  void message(Session& session, wire::Message& message) override;
  void call(Session& session, wire::CallView call) override { downstream_.call(session, std::move(call)); }
  void returned(Session& session, wire::ReturnedView returned) override {
    downstream_.returned(session, std::move(returned));
  }
  // Downstream::Owner
  void request(LinkId link, wire::Message& message) override {
    core_.refuse(link, message, ask_the_controller(core_, "a gateway"));
  }
  void heard_of(const wire::Position& position, const std::string& who) override;
  void tell_status() override;
  std::string list_members(const std::string& from, const Members::Add& add) override;
  std::int64_t status_interval_ms() override;

  void state_changed();
  void take_desired(Session& session, const wire::Desired& page);
  void forget_not_kept();
  void fill_up();
  void take_labels(const Labels& inherited);
  void add_state(std::vector<RecordWrite>* writes);
  void written(const Status& status);
  void tell(bool whole);
  // What the controller should hear of: another history below, as long as this copy is not past it.
  wire::Position seen() const { return state_.position().newer_than(seen_) ? state_.position() : seen_; }

  GatewayOptions options_;
  DesiredState state_;
  Manifests manifests_;
  Inventory inventory_{&core_};
  Notices notices_{&core_, [this] { downstream_.status_changed(); }};
  Members members_{&core_, &links_, &notices_, options_.member_hold_ms, [this](RecordWrite record) {
                     downstream_.commit({std::move(record)}, [this](const Status& written) {
                       if (!written.ok()) members_.save_soon();
                     });
                   }};
  Downstream downstream_;
  Fetcher fetcher_;
  StateReceiver receiver_;
  DesiredState stored_, writing_;  // what the disk holds, and what it is to hold next
  SavedContext saved_;
  wire::Position seen_;  // the highest position that a tier below has and this copy had not
  std::set<Digest> not_kept_;  // artifacts of current releases that are passed on and not held whole
  std::int64_t gathers_until_ms_ = 0;
  std::int64_t gather_ms_ = 8 * kStatusIntervalMs;
};

void Gateway::restore(const Restored& restored) {
  if (auto state = DesiredState::restore(restored); state.ok()) {
    state_ = std::move(*state);
    stored_ = state_;
  } else {
    core_.log(PINNATE_LOG_WARNING, "the cached desired state is damaged and fetched anew: " + state.status().message());
  }
  downstream_.commit(DesiredState::strays(restored, state_));
  saved_.restore(restored);
  if (!PINNATE_PLANT(restart_forgets_its_cache)) inventory_.restore(restored);
  downstream_.directory().restore(restored);
  members_.restore(restored);
  if (downstream_.directory().total().offline > 0) gathers_until_ms_ = core_.now().monotonic_ms + kComeBackMs;
  state_changed();
}

void Gateway::state_changed() {
  manifests_.keep_only(state_.manifests());
  downstream_.trim(state_.manifests(), options_.cache_limit_bytes);
  downstream_.state_changed(state_.manifests());
}

// After a restart, while some known tiers are missing, each roll-up waits twice as long as the one
// before: a thousand engines that reconnect are not a hundred messages to the controller.
std::int64_t Gateway::status_interval_ms() {
  const bool come_back = core_.now().monotonic_ms < gathers_until_ms_ && downstream_.directory().total().offline > 0;
  return come_back ? gather_ms_ : kStatusIntervalMs;
}

// ---- upstream -----------------------------------------------------------------------------------

void Gateway::link_up(Session& session) {
  receiver_.reset();
  fetcher_.source_up(session.link, named(session.peer));
  tell(true);
}

void Gateway::link_down(Session& session, const Status&) {
  if (!links_.upstream()) fetcher_.source_down();
  downstream_.forget_link(session.link);
}

void Gateway::message(Session& session, wire::Message& m) {
  if (auto* desired = std::get_if<wire::Desired>(&m)) return take_desired(session, *desired);
  if (auto* chunk = std::get_if<wire::ChunkBytes>(&m)) return fetcher_.take(*chunk);
  if (auto* manifest = std::get_if<wire::ManifestBytes>(&m)) return fetcher_.take(*manifest);
  if (auto* welcome = std::get_if<wire::Welcome>(&m)) return take_labels(welcome->inherited);
  if (auto* context = std::get_if<wire::Context>(&m)) return take_labels(context->inherited);
  downstream_.ask(session.link, m);  // a lookup
}

void Gateway::take_desired(Session& session, const wire::Desired& page) {
  wire::Confirm confirm;
  const bool advanced = receiver_.take(page, &state_, &confirm);
  confirm.seen = seen();
  core_.send(session.link, confirm);
  if (const Status& trouble = receiver_.trouble(); !trouble.ok() || advanced)
    notices_.say("desired", trouble.ok() ? "" : "cannot take the desired state: " + trouble.message());
  if (!advanced) return;
  for (const Buffer& manifest : receiver_.take_manifests())
    if (auto added = manifests_.add(manifest); !added.ok()) core_.log(PINNATE_LOG_WARNING, added.status().message());
  state_changed();
  forget_not_kept();
  fetcher_.keep_only(state_.manifests());  // whoever waits below has been told of the new state by now
  // The tiers below are told at once: this copy is a cache, and the controller's is durable.
  saved_.save();
}

// There is space again: what could not be kept is asked for anew, for newcomers.
void Gateway::fill_up() {
  if (not_kept_.empty()) return;
  for (const Digest& digest : state_.manifests()) {
    const auto manifest = manifests_.find(digest);
    for (std::uint32_t a = 0; manifest && a < manifest->artifacts.size(); ++a) {
      const content::ArtifactEntry& artifact = manifest->artifacts[a];
      if (!not_kept_.contains(artifact.digest)) continue;
      for (std::uint32_t i = 0; i < artifact.chunks.size(); ++i)
        if (!inventory_.has(artifact.digest, i))
          fetcher_.want_chunk({digest, a, i}, [](const Status&, const Buffer&) {});
    }
  }
}

void Gateway::forget_not_kept() {
  const std::set<Digest> current = manifests_.artifacts_of(state_.manifests());
  std::erase_if(not_kept_, [&](const Digest& artifact) { return !current.contains(artifact); });
  if (not_kept_.empty()) notices_.say("chunks", "");
}

// From what the disk is known to hold: after a write that failed the next still fits.
void Gateway::add_state(std::vector<RecordWrite>* writes) {
  if (stored_.position() == state_.position()) return;
  writing_ = state_;
  for (auto& write : writing_.changes_since(stored_)) writes->push_back(std::move(write));
}

void Gateway::written(const Status& status) {
  notices_.say("disk", status.ok() ? "" : "cannot write to disk: " + status.message());
  DesiredState written = std::exchange(writing_, {});
  if (status.ok() && written.position().revision > 0) stored_ = std::move(written);
}

void Gateway::take_labels(const Labels& inherited) {
  if (!saved_.take_labels(inherited)) return;
  saved_.save();
  downstream_.inherited_changed();
}

void Gateway::tell_status() {
  gather_ms_ = std::min(2 * gather_ms_, kGatherMostMs);
  tell(false);
}

// Behind those that sources name, at "@ID", are the others: who dialled in, and whom the host dials.
std::string Gateway::list_members(const std::string& from, const Members::Add& add) {
  if (!from.starts_with('@'))
    if (std::string next = members_.list(from, add); !next.empty()) return next;
  const Children& children = downstream_.directory().children();
  for (auto it = children.lower_bound(from.starts_with('@') ? from.substr(1) : ""); it != children.end(); ++it) {
    const Session* const session = links_.find(it->second->link);
    if (!session || !session->up() || members_.names(links_.endpoint_of(session->link))) continue;
    wire::TierRow row;
    row.role = session->peer.role;
    row.id = it->first;
    row.online = true;
    row.member = wire::MemberState::linked;
    row.address = session->facts.address;
    row.sources = {session->dialled ? "dial" : "registration"};
    if (!add(std::move(row))) return "@" + it->first;
  }
  return "";
}

MemberCounts Gateway::member_counts() {
  MemberCounts counts;
  members_.count(&counts);
  links_.each_up(Side::downstream, [&](const Session& session) {
    if (session.peer.role != wire::Role::client && !members_.names(links_.endpoint_of(session.link))) ++counts.registered;
  });
  counts.dials = links_.dials().all;
  counts.failed_dials = links_.dials().failed;
  counts.refusals = links_.dials().refused;
  return counts;
}

void Gateway::tell(bool whole) {
  const Session* upstream = links_.upstream();
  if (!upstream) return;
  for (wire::Rollup& rollup : downstream_.directory().take_rollup(whole, downstream_.notices())) {
    rollup.seen = seen();
    core_.send(upstream->link, rollup);
  }
  saved_.save();
  downstream_.trim(state_.manifests(), options_.cache_limit_bytes);
}

// ---- downstream ---------------------------------------------------------------------------------

void Gateway::heard_of(const wire::Position& position, const std::string&) {
  const bool other = position.newer_than(state_.position()) ||
                     (position.epoch == state_.position().epoch && position.revision == state_.position().revision &&
                      position.revision > 0 && position.digest != state_.position().digest);
  if (!other || !state_.position().could_precede(position) || position == seen_ ||
      (seen_.newer_than(position) && seen_.newer_than(state_.position())))
    return;
  seen_ = position;
  downstream_.status_changed();
}

}  // namespace

std::unique_ptr<Tier> make_gateway(GatewayOptions options) { return std::make_unique<Gateway>(std::move(options)); }

}  // namespace pinnate::tier
