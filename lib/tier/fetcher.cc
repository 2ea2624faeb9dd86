#include "tier/fetcher.h"

#include "base/plant.h"

#include <algorithm>

namespace pinnate::tier {
namespace {
constexpr std::size_t kManifestWants = 2 * kReleaseLimit;  // more than any honest fleet wants
constexpr std::size_t kManifestWindow = 64;
constexpr std::uint32_t kCorruptLimit = 8;  // then it is given up; whoever wants it tries again later
}  // namespace

Fetcher::~Fetcher() {
  for (auto& [key, want] : wants_) core_->forget_order(want.token);
}

void Fetcher::source_up(LinkId link, const std::string& peer) {
  source_ = link;
  connected_ = true;
  peer_ = peer;
  manifests_asked_.clear();
  ask_manifests();
  ask_more();
}

void Fetcher::source_down() {
  connected_ = false;
  in_flight_ = 0;
  for (auto& [key, want] : wants_)
    if (want.stage == Stage::asked && !PINNATE_PLANT(request_dropped_on_reset)) queue(key, true);
}

void Fetcher::queue(const Key& key, bool first) {
  wants_[key].stage = Stage::queued;
  first ? queue_.push_front(key) : queue_.push_back(key);
}

void Fetcher::want_manifest(const Digest& digest, ManifestDone done) {
  if (manifests_->find(digest)) return done({});
  if (manifest_wants_.size() >= kManifestWants && !manifest_wants_.contains(digest))
    return done({PINNATE_BUSY, "more than " + std::to_string(kManifestWants) + " manifests are waited for"});
  auto& waiting = manifest_wants_[digest];
  waiting.push_back(std::move(done));
  if (waiting.size() == 1) ask_manifests();
}

// A window of them too: a peer need not keep more questions than it says (PROTOCOL.md, section 9).
void Fetcher::ask_manifests() {
  if (!connected_) return;
  for (const auto& [digest, waiting] : manifest_wants_) {
    if (manifests_asked_.size() >= kManifestWindow) return;
    if (manifests_asked_.insert(digest).second) core_->send(source_, wire::WantManifest{digest});
  }
}

void Fetcher::want_chunk(const Key& key, ChunkDone done) {
  auto artifact = manifests_->artifact_of(key);
  if (!artifact) return done({PINNATE_NOT_FOUND, "no such chunk"}, {});
  const auto [it, fresh] = wants_.try_emplace(key);
  it->second.waiting.push_back(std::move(done));
  it->second.superseded = false;
  if (PINNATE_PLANT(requests_not_coalesced) && it->second.stage == Stage::asked && connected_)
    core_->send(source_, key);
  if (!fresh) return;
  it->second.artifact = std::move(artifact);
  same_.insert(it);
  queue(key, false);
  ask_more();
}

bool Fetcher::BySubstance::operator()(Wants::iterator a, Wants::iterator b) const {
  const auto substance = [](Wants::iterator want) {
    const auto& [key, wanted] = *want;
    return std::tie(wanted.artifact->digest, key.index, wanted.artifact->chunks[key.index]);
  };
  return substance(a) < substance(b);
}

bool Fetcher::under_way(Wants::iterator want) const {
  const auto [first, last] = same_.equal_range(want);
  return std::any_of(first, last, [](Wants::iterator same) {
    return same->second.stage != Stage::queued || same->second.again.set();
  });
}

void Fetcher::ask_more() {
  while (connected_ && in_flight_ < events_.window && !queue_.empty()) {
    const Key key = queue_.front();
    queue_.pop_front();
    const auto found = wants_.find(key);
    if (found == wants_.end() || found->second.stage != Stage::queued || found->second.again.set()) continue;
    if (under_way(found)) continue;  // finish() sees to it
    found->second.stage = Stage::asked;
    in_flight_++;
    core_->send(source_, key);
  }
}

void Fetcher::take(const wire::ManifestBytes& answer) {
  if (manifests_asked_.erase(answer.manifest) == 0) return;  // nobody asked
  const auto found = manifest_wants_.find(answer.manifest);
  if (found == manifest_wants_.end()) return ask_manifests();  // nobody wants it any more
  Status status(answer.code, answer.reason);
  if (answer.code == PINNATE_OK) {
    auto added = manifests_->add(answer.bytes);
    status = added.ok() ? Status() : added.status();
    if (status.ok() && !manifests_->find(answer.manifest))
      status = {PINNATE_CORRUPT, peer_ + " sent another manifest than " + answer.manifest.hex()};
  }
  auto waiting = std::move(found->second);
  manifest_wants_.erase(found);
  ask_manifests();
  for (auto& done : waiting) done(status);
}

void Fetcher::take(const wire::ChunkBytes& answer) {
  const Key key{answer.manifest, answer.artifact, answer.index};
  const auto found = wants_.find(key);
  if (found == wants_.end() || found->second.stage != Stage::asked) return;  // not asked for, or given up
  if (in_flight_ > 0) in_flight_--;
  if (answer.code != PINNATE_OK)
    finish(key, {answer.code, peer_ + ": " + cut_reason(answer.reason)}, {});
  else
    accept(key, found->second, answer.encoded);
  ask_more();
}

void Fetcher::accept(const Key& key, Want& want, const Buffer& encoded) {
  if (!manifests_->find(key.manifest)) return finish(key, {PINNATE_CANCELLED, "the manifest is gone"}, {});
  const content::ArtifactEntry& artifact = *want.artifact;
  want.stage = Stage::verifying;
  want.token = core_->order([this, key, encoded, digest = artifact.digest](Completion& c) {
    const auto waiting = wants_.find(key);
    if (waiting == wants_.end()) return;
    const bool stray = waiting->second.superseded && c.status.ok();
    if (c.status.code() == PINNATE_CORRUPT) return came_wrong(key, c.status.message());
    if (c.status.ok()) {
      inventory_->add(digest, key.index, encoded.size());
      const auto held = events_.sync_whole ? manifests_->artifact_of(key) : nullptr;
      if (held && inventory_->whole(*held))
        core_->act(SyncArtifact{core_->order([this, digest](Completion& synced) {
                                  if (!synced.status.ok() && events_.not_kept) events_.not_kept(digest, synced.status);
                                  if (synced.status.ok() && events_.kept) events_.kept(digest);
                                }),
                                digest});
    } else if (events_.not_kept) {
      events_.not_kept(digest, c.status);
    }
    // Good bytes that could not be kept are passed on; who must keep them asks the inventory.
    finish(key, {}, encoded);
    if (stray && events_.stray) events_.stray();
  });
  core_->act(AcceptChunk{want.token, artifact.digest, key.index, encoded, artifact.chunks[key.index],
                         artifact.chunk_bytes(key.index), true, source_ == kHostLink});
}

void Fetcher::came_wrong(const Key& key, const std::string& why) {
  Want& want = wants_[key];
  const std::string what = "chunk " + std::to_string(key.index) + " of manifest " + key.manifest.hex().substr(0, 12) +
                           " from " + peer_ + ": " + why;
  if (events_.corrupt) events_.corrupt(peer_, what);
  if (++want.corrupt >= kCorruptLimit) {
    finish(key, {PINNATE_CORRUPT, what}, {});
    return ask_more();
  }
  want.stage = Stage::queued;
  want.again = core_->alarm_in(50 << want.corrupt, [this, key] {
    queue(key, true);
    ask_more();
  });
}

void Fetcher::finish(const Key& key, const Status& status, const Buffer& encoded) {
  const auto found = wants_.find(key);
  const auto [first, last] = same_.equal_range(found);
  std::vector<Wants::iterator> others(first, last);
  std::erase(others, found);
  same_.erase(first, last);
  auto waiting = std::move(found->second.waiting);
  wants_.erase(found);
  for (const Wants::iterator other : others) {
    if (status.ok()) {  // it is the same bytes for whoever wants them by another manifest
      std::move(other->second.waiting.begin(), other->second.waiting.end(), std::back_inserter(waiting));
      wants_.erase(other);
      continue;
    }
    same_.insert(other);
    if (other->second.stage == Stage::queued && !other->second.again.set()) queue(other->first, true);
  }
  for (auto& done : waiting) done(status, encoded);
}

void Fetcher::keep_only(const std::set<Digest>& wanted) {
  std::vector<Key> gone;
  for (auto& [key, want] : wants_) {
    if (wanted.contains(key.manifest)) continue;
    if (want.stage == Stage::queued)
      gone.push_back(key);
    else
      want.superseded = true;
  }
  for (const Key& key : gone)
    if (wants_.contains(key)) finish(key, {PINNATE_CANCELLED, "superseded"}, {});
  if (!gone.empty()) ask_more();
  std::vector<ManifestDone> superseded;
  std::erase_if(manifest_wants_, [&](auto& want) {
    if (wanted.contains(want.first)) return false;
    std::move(want.second.begin(), want.second.end(), std::back_inserter(superseded));
    return true;
  });
  for (auto& done : superseded) done({PINNATE_CANCELLED, "superseded"});
}

}  // namespace pinnate::tier
