#include "tier/replicator.h"

#include "base/limits.h"
#include "base/plant.h"

namespace pinnate::tier {
namespace {
constexpr std::size_t kManifestInPageBytes = 8 * 1024;  // larger ones are asked for
}

void Replicator::link_up(Session& session) {
  Copy& copy = copies_[session.link];
  copy.confirmed = session.peer.position;
  update(session, copy);
}

void Replicator::link_down(LinkId link) {
  if (PINNATE_PLANT(stale_link_still_receives)) return;
  const auto found = copies_.find(link);
  if (found == copies_.end()) return;
  core_->cancel_alarm(&found->second.again);
  copies_.erase(found);
}

wire::Position Replicator::position_of(LinkId link) const {
  const auto found = copies_.find(link);
  return found == copies_.end() ? wire::Position{} : found->second.confirmed;
}

void Replicator::state_changed() {
  for (auto& [link, copy] : copies_) {
    if (Session* session = links_->find(link))
      update(*session, copy);
    else if (PINNATE_PLANT(stale_link_still_receives))
      core_->send(link, wire::Class::control, (*pages_from({}))[0]);
  }
}

void Replicator::update(Session& session, Copy& copy) {
  const wire::Position& now = state_->position();
  if (copy.pages || copy.confirmed == now || now.revision == 0) return;
  if (copy.confirmed.newer_than(now) && !PINNATE_PLANT(older_state_taken))
    return;  // it knows more than this tier; never take it back
  // Another history of the same length: only the controller can decide, with a new epoch.
  if (copy.confirmed.epoch == now.epoch && copy.confirmed.revision == now.revision) return;
  const bool delta = !copy.whole && state_->reaches_from(copy.confirmed);
  core_->cancel_alarm(&copy.again);
  copy.pages = pages_from(delta ? copy.confirmed : wire::Position{});
  copy.whole_under_way = !delta;
  copy.target = now;
  copy.page = 0;
  copy.whole = false;
  core_->send(session.link, wire::Class::control, (*copy.pages)[0]);
}

std::shared_ptr<const Replicator::Pages> Replicator::pages_from(const wire::Position& base) {
  const wire::Position& now = state_->position();
  if (made_for_ != now) {
    made_.clear();
    made_for_ = now;
  }
  auto& made = made_[base.revision];
  if (made) return made;

  auto pages = std::make_shared<Pages>();
  wire::Desired page;
  std::size_t bytes = 0;
  const auto begin = [&] {
    page = {};
    page.position = now;
    page.base_epoch = base.revision == 0 ? 0 : base.epoch;
    page.base_revision = base.revision;
    page.page = static_cast<std::uint32_t>(pages->size());
    bytes = 0;
  };
  const auto end = [&](bool last) {
    page.last = last;
    pages->push_back(wire::encode(page));
    if (!last) begin();
  };
  begin();
  if (base.revision != 0) page.withdrawn = state_->withdrawn_since(base.revision);
  for (const DesiredState::Entry* entry : state_->added_since(base.revision)) {
    wire::ReleaseEntry out{entry->record, {}};
    if (const auto manifest = manifests_->bytes_of(entry->release.manifest); manifest.size() <= kManifestInPageBytes)
      out.manifest = manifest;
    const std::size_t size = out.record.size() + out.manifest.size();
    if (bytes > 0 && bytes + size > kPageBytes) end(false);
    bytes += size;
    page.releases.push_back(std::move(out));
  }
  end(true);
  return made = std::move(pages);
}

void Replicator::confirmed(Session& session, const wire::Confirm& confirm) {
  const auto found = copies_.find(session.link);
  if (found == copies_.end()) return;
  Copy& copy = found->second;
  if (confirm.whole) {
    const bool difference = copy.pages && !copy.whole_under_way;
    copy.pages.reset();
    copy.confirmed = {};
    copy.whole = true;
    if (difference) return update(session, copy);
    // It cannot take the whole set (it is older than a release, say): not again and again without a pause.
    if (copy.again != 0) return;
    copy.again = core_->alarm_in(copy.backoff.next_ms(core_->random()), [this, link = session.link] {
      const auto waited = copies_.find(link);
      if (waited == copies_.end()) return;
      waited->second.again = 0;
      if (Session* s = links_->find(link)) update(*s, waited->second);
    });
    return;
  }
  if (!copy.pages || confirm.page != copy.page) return;  // not what is under way
  if (confirm.position == copy.target ||
      confirm.position.newer_than(copy.target)) {  // there already, also by another way
    copy.pages.reset();
    copy.confirmed = confirm.position;
    copy.backoff.reset();
    return update(session, copy);
  }
  if (++copy.page < copy.pages->size())
    return core_->send(session.link, wire::Class::control, (*copy.pages)[copy.page]);
  // It took every page and is not there: it declined, and says why by a Confirm of another kind.
  copy.pages.reset();
  copy.confirmed = confirm.position;
}

bool StateReceiver::take(const wire::Desired& page, DesiredState* state, wire::Confirm* confirm) {
  const wire::Position before = state->position();
  *confirm = {before, page.page, false, before};
  const auto whole_please = [&](Status why = {}) {
    reset();
    trouble_ = std::move(why);
    confirm->whole = true;
    return false;
  };
  // Never back, nor to another history of the same length; `seen` says what is known here.
  const bool older = before.newer_than(page.position);
  if (older ? !PINNATE_PLANT(older_state_taken) : !page.position.newer_than(before)) {
    reset();
    return false;
  }
  if (page.page == 0) {
    reset();
    target_ = page.position;
    whole_ = page.base_revision == 0;
  } else if (page.page != next_page_ || page.position != target_) {
    return whole_please();
  }
  if (!whole_ && (page.base_epoch != before.epoch || page.base_revision != before.revision)) return whole_please();
  next_page_ = page.page + 1;
  withdrawn_.insert(withdrawn_.end(), page.withdrawn.begin(), page.withdrawn.end());
  for (const wire::ReleaseEntry& in : page.releases) {
    auto entry = DesiredState::make_entry(in.record);
    if (!entry.ok()) return whole_please(entry.status());
    bytes_ += in.record.size() + in.manifest.size();
    if (bytes_ > kStateLimitBytes || added_.size() > kReleaseLimit || withdrawn_.size() > kReleaseLimit)
      return whole_please({PINNATE_TOO_LARGE, "the desired state of revision " + std::to_string(target_.revision) +
                                                  " is over the limits"});
    added_.push_back(std::move(*entry));
    if (!in.manifest.empty()) manifests_.push_back(in.manifest);
  }
  if (!page.last) return false;
  const Status advanced = state->advance(target_, whole_, withdrawn_, std::move(added_));
  if (!advanced.ok()) return whole_please(whole_ ? advanced : Status());
  std::vector<Buffer> manifests = std::move(manifests_);
  reset();
  manifests_ = std::move(manifests);
  confirm->position = confirm->seen = state->position();
  return true;
}

}  // namespace pinnate::tier
