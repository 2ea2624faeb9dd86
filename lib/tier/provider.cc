#include "tier/provider.h"

#include "base/plant.h"

#include <algorithm>

namespace pinnate::tier {
namespace {
constexpr std::size_t kWaitingPerLink = 256;  // a peer asks for fewer at once, or it breaks the protocol
constexpr std::size_t kRecentBytes = 2 * 1024 * 1024;
constexpr std::size_t kRecentEntries = 64;
}  // namespace

void Provider::want(Session& session, const wire::WantManifest& want) {
  const LinkId link = session.link;
  if (manifests_->find(want.manifest) || !fetcher_) {
    if (const auto waiting = waiting_.find(link);
        waiting != waiting_.end() && waiting->second.size() >= kWaitingPerLink)
      return links_->refuse(link, {PINNATE_REFUSED, "more than " + std::to_string(kWaitingPerLink) +
                                                        " manifests and chunks wanted at once"});
    return answer(link, want.manifest, {});
  }
  std::size_t& unanswered = manifests_unanswered_[link];
  if (unanswered >= kWaitingPerLink)
    return links_->refuse(
        link, {PINNATE_REFUSED, "more than " + std::to_string(kWaitingPerLink) + " manifests wanted at once"});
  unanswered++;
  const auto [wanted, fresh] = manifests_wanted_.try_emplace(want.manifest);
  wanted->second.push_back(link);
  if (!fresh) return;
  fetcher_->want_manifest(want.manifest, [this, digest = want.manifest](const Status& status) {
    const auto found = manifests_wanted_.find(digest);
    const std::vector<LinkId> for_whom = std::move(found->second);
    manifests_wanted_.erase(found);
    for (LinkId to : for_whom) {
      if (const auto count = manifests_unanswered_.find(to); count != manifests_unanswered_.end()) count->second--;
      answer(to, digest, status);
    }
  });
}

// A manifest may be as large as sixteen chunks: it waits for room like these, by its name.
void Provider::answer(LinkId link, const Digest& manifest, const Status& status) {
  Session* session = links_->find(link);
  if (!session) return;
  if (manifests_->find(manifest)) {
    waiting_[link].push_back({{manifest, 0, 0}, true});
    return room(*session);
  }
  wire::ManifestBytes answer;
  answer.manifest = manifest;
  answer.code = status.ok() ? PINNATE_NOT_FOUND : status.code();
  answer.reason = status.ok() ? "no manifest " + manifest.hex() + " here" : cut_reason(status.message());
  core_->send(link, answer);
}

void Provider::send_manifest(Session& session, const Digest& manifest) {
  wire::ManifestBytes answer;
  answer.manifest = manifest;
  answer.bytes = manifests_->bytes_of(manifest);
  if (answer.bytes.empty()) {  // given up while it waited
    answer.code = PINNATE_CANCELLED;
    answer.reason = "superseded";
  }
  const Buffer message = wire::encode(answer);
  session.bulk_room -= static_cast<std::int64_t>(message.size());
  send(session, message);
}

void Provider::link_down(LinkId link) {
  waiting_.erase(link);
  ready_.erase(link);
  manifests_unanswered_.erase(link);
  for (auto& [digest, for_whom] : manifests_wanted_) std::erase(for_whom, link);
  for (auto& [key, for_whom] : loading_) std::erase(for_whom, link);
}

void Provider::want(Session& session, const wire::WantChunk& want) {
  auto& waiting = waiting_[session.link];
  if (waiting.size() >= kWaitingPerLink)
    return links_->refuse(session.link,
                          {PINNATE_REFUSED, "more than " + std::to_string(kWaitingPerLink) + " chunks wanted at once"});
  waiting.push_back({want, false});
  room(session);
}

void Provider::room(Session& session) {
  if (const auto ready = ready_.find(session.link); ready != ready_.end()) {
    while (!ready->second.empty() && session.bulk_pace.open()) {
      send(session, ready->second.front().second);
      ready->second.pop_front();
    }
    if (ready->second.empty()) ready_.erase(ready);
  }
  const auto found = waiting_.find(session.link);
  if (found == waiting_.end()) return;
  auto& waiting = found->second;
  while (!waiting.empty() && (session.bulk_room > 0 || PINNATE_PLANT(room_ignored))) {
    const Asked asked = waiting.front();
    waiting.pop_front();
    const bool last = waiting.empty();
    if (last) waiting_.erase(found);
    if (asked.manifest) {
      send_manifest(session, asked.want.manifest);
    } else {
      session.bulk_room -= static_cast<std::int64_t>(kChunkBytes);  // put right when its size is known
      resolve(session.link, asked.want);
    }
    if (last) return;
  }
}

void Provider::keep_only(const std::set<Digest>& wanted) {
  recent_.remove_if([&](const auto& r) {
    if (wanted.contains(std::get<0>(r.first))) return false;
    recent_bytes_ -= r.second.size();
    return true;
  });
  const auto superseded = [&](LinkId link, const Digest& manifest, std::uint32_t artifact, std::uint32_t index) {
    if (wanted.contains(manifest)) return false;
    core_->send(link, wire::ChunkBytes{manifest, artifact, index, PINNATE_CANCELLED, "superseded", {}});
    return true;
  };
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    it->second.remove_if([&](const Asked& asked) {
      const wire::WantChunk& want = asked.want;
      return !asked.manifest && superseded(it->first, want.manifest, want.artifact, want.index);
    });
    it = it->second.empty() ? waiting_.erase(it) : std::next(it);
  }
  for (auto it = ready_.begin(); it != ready_.end();) {
    Session* session = links_->find(it->first);
    it->second.remove_if([&](const auto& ready) {
      const auto& [manifest, artifact, index] = ready.first;
      if (!superseded(it->first, manifest, artifact, index)) return false;
      if (session) session->bulk_room += static_cast<std::int64_t>(ready.second.size());
      return true;
    });
    it = it->second.empty() ? ready_.erase(it) : std::next(it);
  }
}

void Provider::resolve(LinkId link, const wire::WantChunk& want) {
  const Key key(want.manifest, want.artifact, want.index);
  const auto recent = std::find_if(recent_.begin(), recent_.end(), [&](const auto& r) { return r.first == key; });
  Session* session = links_->find(link);
  if (!session) return;
  if (recent != recent_.end()) return hand(*session, key, recent->second);
  const auto [loading, fresh] = loading_.try_emplace(key);
  loading->second.push_back(link);
  if (!fresh && !PINNATE_PLANT(requests_not_coalesced)) return;
  const auto begin = [this, key](const Status& status) {
    const auto manifest = manifests_->find(std::get<0>(key));
    if (!manifest)
      return answer(
          key, status.ok() ? Status(PINNATE_NOT_FOUND, "no manifest " + std::get<0>(key).hex() + " here") : status, {});
    const auto [digest, artifact, index] = key;
    if (artifact >= manifest->artifacts.size() || index >= manifest->artifacts[artifact].chunks.size())
      return answer(key, {PINNATE_NOT_FOUND, "no such chunk"}, {});
    load(key, manifest->artifacts[artifact]);
  };
  if (!manifests_->find(want.manifest) && fetcher_) return fetcher_->want_manifest(want.manifest, begin);
  begin({});
}

void Provider::load(const Key& key, const content::ArtifactEntry& artifact) {
  const std::uint32_t index = std::get<2>(key);
  const auto fetch = [this, key] {
    if (!fetcher_) {
      const auto manifest = manifests_->find(std::get<0>(key));
      return answer(key,
                    {PINNATE_NOT_FOUND,
                     "it is not held here" +
                         (manifest ? ": publish '" + manifest->name + "' " + manifest->version + " again" : "")},
                    {});
    }
    fetcher_->want_chunk(std::get<0>(key), std::get<1>(key), std::get<2>(key),
                         [this, key](const Status& status, const Buffer& encoded) { answer(key, status, encoded); });
  };
  if (!inventory_->has(artifact.digest, index)) return fetch();
  inventory_->touch(artifact.digest);
  const auto damaged = [this, key, fetch, digest = artifact.digest](const Status& why) {
    core_->log(PINNATE_LOG_WARNING,
               "chunk " + std::to_string(std::get<2>(key)) + " of " + digest.hex() + ": " + why.message());
    const std::uint32_t index = std::get<2>(key);
    const bool unreadable = why.code() == PINNATE_IO;
    if (why.code() == PINNATE_CORRUPT || why.code() == PINNATE_NOT_FOUND || (unreadable && fetcher_)) {
      inventory_->lost(digest, index);
    } else if (!fetcher_) {  // a disk may come back, and nobody else has it; but who publishes it again brings it again
      if (unreadable) inventory_->doubt(digest, index);
      return answer(key, why, {});
    }
    fetch();
  };
  const Token token = core_->order([this, key, damaged](Completion& c) {
    const auto manifest = manifests_->find(std::get<0>(key));
    if (!c.status.ok()) return damaged(c.status);
    if (!manifest) return answer(key, {PINNATE_NOT_FOUND, "the manifest is gone"}, {});
    // What the disk gives is verified like what a link gives: it may have been changed since.
    const content::ArtifactEntry& entry = manifest->artifacts[std::get<1>(key)];
    const Token verified = core_->order([this, key, damaged, encoded = c.bytes](Completion& v) {
      v.status.ok() ? answer(key, {}, encoded) : damaged(v.status);
    });
    const std::uint32_t at = std::get<2>(key);
    inventory_->read_well(entry.digest, at);
    if (PINNATE_PLANT(cache_trusts_its_file_name)) return answer(key, {}, c.bytes);
    core_->act(AcceptChunk{verified, entry.digest, at, c.bytes, entry.chunks[at], entry.chunk_bytes(at), false});
  });
  core_->act(ReadChunk{token, artifact.digest, index});
}

void Provider::answer(const Key& key, const Status& status, const Buffer& encoded) {
  const auto found = loading_.find(key);
  if (found == loading_.end()) return;
  const std::vector<LinkId> for_whom = std::move(found->second);
  loading_.erase(found);
  wire::ChunkBytes answer;
  answer.manifest = std::get<0>(key);
  answer.artifact = std::get<1>(key);
  answer.index = std::get<2>(key);
  answer.code = status.code();
  answer.reason = cut_reason(status.message());
  answer.encoded = encoded;
  Buffer message = wire::encode(answer);  // once for all links
  // What came from above in the same words goes down as it came, so that the chunk is held once.
  if (const Buffer came = encoded.whole(); came == message) message = came;
  if (status.ok()) remember(key, message);
  for (LinkId link : for_whom)
    if (Session* session = links_->find(link)) hand(*session, key, message);
}

void Provider::hand(Session& session, const Key& key, const Buffer& message) {
  session.bulk_room += static_cast<std::int64_t>(kChunkBytes) - static_cast<std::int64_t>(message.size());
  if ((!ready_.contains(session.link) && session.bulk_pace.open()) || PINNATE_PLANT(room_ignored))
    return send(session, message);
  ready_[session.link].emplace_back(key, message);
}

void Provider::send(Session& session, const Buffer& message) {
  session.bulk_pace.handed(core_->now().monotonic_ms, message.size());
  core_->send(session.link, wire::Class::bulk, message);
}

void Provider::remember(const Key& key, const Buffer& message) {
  recent_.emplace_front(key, message);
  recent_bytes_ += message.size();
  while (recent_bytes_ > kRecentBytes || recent_.size() > kRecentEntries) {
    recent_bytes_ -= recent_.back().second.size();
    recent_.pop_back();
  }
}

}  // namespace pinnate::tier
