#include "tier/replicator.h"

#include "base/plant.h"
#include "content/sha256.h"

#include <algorithm>

namespace pinnate::tier {
namespace {
constexpr std::size_t kManifestInPageBytes = 8 * 1024;  // larger ones are asked for
constexpr std::size_t kMadeBytes = 4 * 1024 * 1024;  // of pages kept for the next link that lacks the same
constexpr std::int64_t kAnswerLimitMs = 300000;  // a slow disk may be in between
}  // namespace

void Replicator::link_up(Session& session) {
  Copy& copy = copies_[session.link];
  copy.confirmed = session.peer.position;
  update(session, copy);
}

void Replicator::link_down(LinkId link) {
  if (PINNATE_PLANT(stale_link_still_receives)) return;
  copies_.erase(link);
}

void Replicator::state_changed() {
  if (present_ && present_->position != state_->position()) forget_made();
  for (auto& [link, copy] : copies_) {
    if (Session* session = links_->find(link))
      update(*session, copy);
    else if (PINNATE_PLANT(stale_link_still_receives))
      core_->send(link, wire::Class::control, page_of(*present(), {}, 0, 0).bytes);
  }
}

void Replicator::update(Session& session, Copy& copy) {
  const wire::Position& now = state_->position();
  if (copy.source || copy.confirmed == now || now.revision == 0) return;
  if (copy.confirmed.newer_than(now) && !PINNATE_PLANT(older_state_taken))
    return;  // it knows more than this tier; never take it back
  // Another history of the same length: only the controller can decide, with a new epoch.
  if (copy.confirmed.epoch == now.epoch && copy.confirmed.revision == now.revision) return;
  const bool delta = !copy.whole && state_->reaches_from(copy.confirmed);
  copy.again.cancel();
  copy.source = present();
  copy.base = delta ? copy.confirmed : wire::Position{};
  copy.page = 0;
  copy.next = 0;
  if (delta)
    copy.next = static_cast<std::size_t>(
        std::upper_bound(copy.source->releases.begin(), copy.source->releases.end(), copy.base.revision,
                         [](std::uint64_t revision, const Source::Release& r) { return revision < r.number; }) -
        copy.source->releases.begin());
  copy.whole = false;
  send_page(session.link, copy);
}

void Replicator::send_page(LinkId link, Copy& copy) {
  Page page;
  const Place place{copy.base.revision, copy.next};
  if (const auto found = made_.find(place); copy.source == present_ && found != made_.end()) {
    page = found->second;
  } else {
    page = page_of(*copy.source, copy.base, copy.page, copy.next);
    if (copy.source == present_) {
      made_bytes_ += page.bytes.size();
      made_.emplace(place, page);
      made_in_turn_.push_back(place);
    }
  }
  for (; made_bytes_ > kMadeBytes; made_in_turn_.pop_front()) {
    const auto oldest = made_.find(made_in_turn_.front());
    made_bytes_ -= oldest->second.bytes.size();
    made_.erase(oldest);
  }
  copy.next = page.end;
  core_->send(link, wire::Class::control, page.bytes);
  copy.limit = core_->alarm_in(kAnswerLimitMs, [this, link] {
    links_->refuse(link, {PINNATE_TIMEOUT, "a page of the desired state was not answered within " +
                                               std::to_string(kAnswerLimitMs / 1000) + " s"});
  });
}

std::shared_ptr<const Replicator::Source> Replicator::present() {
  if (present_ && present_->position == state_->position()) return present_;
  auto source = std::make_shared<Source>();
  source->position = state_->position();
  source->releases.reserve(state_->releases().size());
  for (const auto& [number, entry] : state_->releases()) {
    Buffer manifest = manifests_->bytes_of(entry->release.manifest);
    if (manifest.size() > kManifestInPageBytes) manifest = {};
    source->releases.push_back({number, entry->record, std::move(manifest)});
  }
  forget_made();
  return present_ = std::move(source);
}

void Replicator::forget_made() {
  present_.reset();
  made_.clear();
  made_in_turn_.clear();
  made_bytes_ = 0;
}

Replicator::Page Replicator::page_of(const Source& source, const wire::Position& base, std::uint32_t number,
                                     std::size_t first) {
  wire::Desired page;
  page.position = source.position;
  page.base_epoch = base.revision == 0 ? 0 : base.epoch;
  page.base_revision = base.revision;
  page.page = number;
  if (number == 0 && base.revision != 0)
    page.withdrawn = state_->withdrawn_since(base.revision);  // `source` is it still
  std::size_t bytes = 0, at = first;
  for (; at < source.releases.size(); at++) {
    const Source::Release& release = source.releases[at];
    const std::size_t size = release.record.size() + release.manifest.size();
    if (bytes > 0 && bytes + size > kPageBytes) break;
    bytes += size;
    page.releases.push_back({release.record, release.manifest});
  }
  page.last = at == source.releases.size();
  return {wire::encode(page), at};
}

void Replicator::confirmed(Session& session, const wire::Confirm& confirm) {
  const auto found = copies_.find(session.link);
  if (found == copies_.end()) return;
  Copy& copy = found->second;
  if (!copy.source && !confirm.whole) {  // what it declined before it could be written, it has now
    if (!confirm.position.newer_than(copy.confirmed)) return;
    copy.confirmed = confirm.position;
    return update(session, copy);  // this tier may have gone on meanwhile
  }
  if (!confirm.whole && confirm.page != copy.page) return;  // not what is under way
  copy.limit.cancel();
  if (confirm.whole) {
    const bool difference = copy.source && copy.base.revision != 0;
    copy.source.reset();
    copy.confirmed = {};
    copy.whole = true;
    if (difference) return update(session, copy);
    // It cannot take the whole set (it is older than a release, say): not again without a pause.
    if (copy.again.set()) return;
    copy.again = core_->alarm_in(copy.backoff.next_ms(core_->random()), [this, link = session.link] {
      if (Session* s = links_->find(link)) update(*s, copies_.at(link));
    });
    return;
  }
  const wire::Position& target = copy.source->position;
  if (confirm.position == target || confirm.position.newer_than(target)) {  // there already, also by another way
    copy.source.reset();
    copy.confirmed = confirm.position;
    copy.backoff.reset();
    return update(session, copy);
  }
  if (copy.next < copy.source->releases.size()) {
    copy.page++;
    return send_page(session.link, copy);
  }
  // It took every page and is not there: it declined, and says why by a Confirm of another kind.
  copy.source.reset();
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
  const auto too_large = [&] {
    return bytes_ > kStateLimitBytes || added_.size() > kReleaseLimit || withdrawn_.size() > kReleaseLimit;
  };
  withdrawn_.insert(withdrawn_.end(), page.withdrawn.begin(), page.withdrawn.end());
  for (const wire::ReleaseEntry& in : page.releases) {
    if (too_large()) break;
    auto entry = DesiredState::make_entry(in.record);
    if (!entry.ok()) return whole_please(entry.status());
    if (!in.manifest.empty() && content::sha256(in.manifest.view()) != entry->release.manifest)
      return whole_please({PINNATE_CORRUPT, "release " + std::to_string(entry->release.number) +
                                                " came with another manifest than it names"});
    added_.push_back(std::move(*entry));
    // The limit is on records, as at the controller, and on manifests that are not small.
    bytes_ += in.record.size();
    if (in.manifest.size() > kManifestInPageBytes) bytes_ += in.manifest.size();
    if (!in.manifest.empty()) manifests_.push_back(in.manifest);
  }
  if (too_large())
    return whole_please({PINNATE_TOO_LARGE,
                         "the desired state of revision " + std::to_string(target_.revision) + " is over the limits"});
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
