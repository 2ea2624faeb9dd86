#include "tier/provider.h"

#include "base/plant.h"

#include <algorithm>

namespace pinnate::tier {
namespace {

constexpr std::size_t kWaitingPerLink = 256;  // a peer asks for fewer at once, or it breaks the protocol
constexpr std::size_t kRecentBytes = 2 * 1024 * 1024;
constexpr std::size_t kRecentEntries = 64;

Status no_manifest(const Digest& digest) { return {PINNATE_NOT_FOUND, "no manifest " + digest.hex() + " here"}; }

}  // namespace

bool Provider::too_many(LinkId link, std::size_t asked, const char* what) {
  if (asked < kWaitingPerLink) return false;
  links_->refuse(link,
                 {PINNATE_REFUSED, "more than " + std::to_string(kWaitingPerLink) + " " + what + " wanted at once"});
  return true;
}

void Provider::want(Session& session, const wire::WantManifest& want) {
  const LinkId link = session.link;
  Asker& asker = askers_[link];
  if (manifests_->find(want.manifest) || !fetcher_) {
    if (!too_many(link, asker.waiting.size(), "manifests and chunks")) answer(link, want.manifest, {});
    return;
  }
  if (too_many(link, asker.manifests, "manifests")) return;
  asker.manifests++;
  const auto [wanted, fresh] = manifests_wanted_.try_emplace(want.manifest);
  wanted->second.push_back(link);
  if (!fresh) return;
  fetcher_->want_manifest(want.manifest, [this, digest = want.manifest](const Status& status) {
    const auto found = manifests_wanted_.extract(digest);
    for (LinkId to : found.mapped()) {
      if (const auto waits = askers_.find(to); waits != askers_.end()) waits->second.manifests--;
      answer(to, digest, status);
    }
  });
}

// A manifest may be as large as sixteen chunks: it waits for room like these, by its name.
void Provider::answer(LinkId link, const Digest& manifest, const Status& status) {
  Session* session = links_->find(link);
  if (!session) return;
  if (manifests_->find(manifest)) {
    askers_[link].waiting.push_back({{manifest}, true});
    return room(*session);
  }
  const Status why = status.ok() ? no_manifest(manifest) : status;
  core_->send(link, wire::ManifestBytes{manifest, why.code(), cut_reason(why.message()), {}});
}

void Provider::send_manifest(Session& session, const Digest& manifest) {
  wire::ManifestBytes answer{manifest, PINNATE_OK, "", manifests_->bytes_of(manifest)};
  if (answer.bytes.empty()) answer = {manifest, PINNATE_CANCELLED, "superseded", {}};  // given up while it waited
  const Buffer message = wire::encode(answer);
  session.bulk_room -= static_cast<std::int64_t>(message.size());
  send(session, message);
}

void Provider::link_down(LinkId link) {
  askers_.erase(link);
  for (auto& [digest, for_whom] : manifests_wanted_) std::erase(for_whom, link);
  for (auto& [key, for_whom] : loading_) std::erase(for_whom, link);
}

void Provider::want(Session& session, const wire::WantChunk& want) {
  auto& waiting = askers_[session.link].waiting;
  if (too_many(session.link, waiting.size(), "chunks")) return;
  waiting.push_back({want, false});
  room(session);
}

void Provider::room(Session& session) {
  const auto found = askers_.find(session.link);
  if (found == askers_.end()) return;
  auto& [waiting, ready, manifests] = found->second;
  for (; !ready.empty() && session.bulk_pace.open(); ready.pop_front()) send(session, ready.front().second);
  while (!waiting.empty() && (session.bulk_room > 0 || PINNATE_PLANT(room_ignored))) {
    const Asked asked = waiting.front();
    waiting.pop_front();
    asked.manifest ? send_manifest(session, asked.chunk.manifest) : resolve(session, asked.chunk);
  }
  if (waiting.empty() && ready.empty() && manifests == 0) askers_.erase(found);
}

void Provider::keep_only(const std::set<Digest>& wanted) {
  recent_.remove_if([&](const auto& r) {
    if (wanted.contains(r.first.manifest)) return false;
    recent_bytes_ -= r.second.size();
    return true;
  });
  const auto superseded = [&](LinkId link, const Key& key) {
    if (wanted.contains(key.manifest)) return false;
    core_->send(link, wire::ChunkBytes{key.manifest, key.artifact, key.index, PINNATE_CANCELLED, "superseded", {}});
    return true;
  };
  for (auto& [link, asker] : askers_)
    asker.waiting.remove_if([&](const Asked& asked) { return !asked.manifest && superseded(link, asked.chunk); });
  for (auto& [link, asker] : askers_)
    asker.ready.remove_if([&](const auto& ready) {
      if (!superseded(link, ready.first)) return false;
      if (Session* session = links_->find(link)) session->bulk_room += static_cast<std::int64_t>(ready.second.size());
      return true;
    });
}

void Provider::resolve(Session& session, const Key& key) {
  session.bulk_room -= static_cast<std::int64_t>(kChunkBytes);  // put right when its size is known
  const auto recent = std::find_if(recent_.begin(), recent_.end(), [&](const auto& r) { return r.first == key; });
  if (recent != recent_.end()) return hand(session, key, recent->second);
  const auto [loading, fresh] = loading_.try_emplace(key);
  loading->second.push_back(session.link);
  if (!fresh && !PINNATE_PLANT(requests_not_coalesced)) return;
  const auto begin = [this, key](const Status& status) {
    if (!manifests_->find(key.manifest)) return answer(key, status.ok() ? no_manifest(key.manifest) : status, {});
    const auto artifact = manifests_->artifact_of(key);
    artifact ? load(key, artifact) : answer(key, {PINNATE_NOT_FOUND, "no such chunk"}, {});
  };
  if (!manifests_->find(key.manifest) && fetcher_) return fetcher_->want_manifest(key.manifest, begin);
  begin({});
}

void Provider::load(const Key& key, const std::shared_ptr<const content::ArtifactEntry>& artifact) {
  if (!inventory_->has(artifact->digest, key.index)) return fetch(key);
  inventory_->touch(artifact->digest);
  const auto damaged = [this, key, digest = artifact->digest](const Status& why) {
    core_->log(PINNATE_LOG_WARNING,
               "chunk " + std::to_string(key.index) + " of " + digest.hex() + ": " + why.message());
    const bool unreadable = why.code() == PINNATE_IO;
    if (why.code() == PINNATE_CORRUPT || why.code() == PINNATE_NOT_FOUND || (unreadable && fetcher_)) {
      inventory_->lost(digest, key.index);
    } else if (!fetcher_) {  // a disk may come back, and nobody else has it; but who publishes it again brings it again
      if (unreadable) inventory_->doubt(digest, key.index);
      return answer(key, why, {});
    }
    fetch(key);
  };
  const Token token = core_->order([this, key, artifact, damaged](Completion& c) {
    if (!c.status.ok()) return damaged(c.status);
    if (!manifests_->find(key.manifest)) return answer(key, {PINNATE_NOT_FOUND, "the manifest is gone"}, {});
    // What the disk gives is verified like what a link gives: it may have been changed since.
    const Token verified = core_->order([this, key, damaged, encoded = c.bytes](Completion& v) {
      v.status.ok() ? answer(key, {}, encoded) : damaged(v.status);
    });
    inventory_->read_well(artifact->digest, key.index);
    if (PINNATE_PLANT(cache_trusts_its_file_name)) return answer(key, {}, c.bytes);
    core_->act(AcceptChunk{verified, artifact->digest, key.index, c.bytes, artifact->chunks[key.index],
                           artifact->chunk_bytes(key.index), false});
  });
  core_->act(ReadChunk{token, artifact->digest, key.index});
}

void Provider::fetch(const Key& key) {
  if (fetcher_)
    return fetcher_->want_chunk(
        key, [this, key](const Status& status, const Buffer& encoded) { answer(key, status, encoded); });
  const auto manifest = manifests_->find(key.manifest);
  answer(
      key,
      {PINNATE_NOT_FOUND,
       "it is not held here" + (manifest ? ": publish '" + manifest->name + "' " + manifest->version + " again" : "")},
      {});
}

void Provider::answer(const Key& key, const Status& status, const Buffer& encoded) {
  const auto for_whom = loading_.extract(key);
  if (!for_whom) return;
  Buffer message = wire::encode(wire::ChunkBytes{key.manifest, key.artifact, key.index, status.code(),
                                                 cut_reason(status.message()), encoded});  // once for all links
  // What came from above in the same words goes down as it came, so that the chunk is held once.
  if (const Buffer came = encoded.whole(); came == message) message = came;
  if (status.ok()) {
    recent_.emplace_front(key, message);
    recent_bytes_ += message.size();
  }
  for (; recent_bytes_ > kRecentBytes || recent_.size() > kRecentEntries; recent_.pop_back())
    recent_bytes_ -= recent_.back().second.size();
  for (LinkId link : for_whom.mapped())
    if (Session* session = links_->find(link)) hand(*session, key, message);
}

void Provider::hand(Session& session, const Key& key, const Buffer& message) {
  session.bulk_room += static_cast<std::int64_t>(kChunkBytes) - static_cast<std::int64_t>(message.size());
  auto& ready = askers_[session.link].ready;
  if ((ready.empty() && session.bulk_pace.open()) || PINNATE_PLANT(room_ignored)) return send(session, message);
  ready.emplace_back(key, message);
}

void Provider::send(Session& session, const Buffer& message) {
  session.bulk_pace.handed(core_->now().monotonic_ms, message.size());
  core_->send(session.link, wire::Class::bulk, message);
}

}  // namespace pinnate::tier
