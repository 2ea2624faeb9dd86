#include "tier/manifests.h"

#include "content/sha256.h"

namespace pinnate::tier {

Result<std::shared_ptr<const content::Manifest>> Manifests::add(const Buffer& bytes) {
  const Digest digest = content::sha256(bytes.view());
  if (const auto found = held_.find(digest); found != held_.end()) return found->second.manifest;
  auto manifest = content::decode_manifest(bytes);
  if (!manifest.ok()) return manifest.status();
  auto shared = std::make_shared<const content::Manifest>(std::move(*manifest));
  held_[digest] = {bytes, shared};
  unsaved_.insert(digest);
  unremoved_.erase(digest);
  return std::shared_ptr<const content::Manifest>(shared);
}

std::shared_ptr<const content::Manifest> Manifests::find(const Digest& digest) const {
  const auto found = held_.find(digest);
  return found == held_.end() ? nullptr : found->second.manifest;
}

std::shared_ptr<const content::ArtifactEntry> Manifests::artifact_of(const wire::WantChunk& chunk) const {
  const auto manifest = find(chunk.manifest);
  if (!manifest || chunk.artifact >= manifest->artifacts.size()) return nullptr;
  const content::ArtifactEntry& artifact = manifest->artifacts[chunk.artifact];
  return chunk.index < artifact.chunks.size() ? std::shared_ptr<const content::ArtifactEntry>(manifest, &artifact)
                                              : nullptr;
}

Buffer Manifests::bytes_of(const Digest& digest) const {
  const auto found = held_.find(digest);
  return found == held_.end() ? Buffer() : found->second.bytes;
}

const content::ArtifactEntry* Manifests::contradicting(const content::Manifest& manifest) const {
  for (const auto& [digest, held] : held_)
    for (const content::ArtifactEntry& theirs : held.manifest->artifacts)
      for (const content::ArtifactEntry& ours : manifest.artifacts)
        if (ours.digest == theirs.digest && (ours.size_bytes != theirs.size_bytes || ours.chunks != theirs.chunks))
          return &ours;
  return nullptr;
}

std::set<Digest> Manifests::artifacts_of(const std::set<Digest>& manifests) const {
  std::set<Digest> artifacts;
  for (const Digest& digest : manifests)
    if (const auto found = held_.find(digest); found != held_.end())
      for (const auto& artifact : found->second.manifest->artifacts) artifacts.insert(artifact.digest);
  return artifacts;
}

void Manifests::keep_only(const std::set<Digest>& wanted) {
  for (auto it = held_.begin(); it != held_.end();) {
    if (wanted.contains(it->first)) {
      ++it;
      continue;
    }
    if (unsaved_.erase(it->first) == 0) unremoved_.insert(it->first);
    it = held_.erase(it);
  }
}

std::vector<RecordWrite> Manifests::take_changes() {
  std::vector<RecordWrite> writes;
  for (const Digest& digest : unsaved_) writes.push_back({"manifest/" + digest.hex(), bytes_of(digest)});
  for (const Digest& digest : unremoved_) writes.push_back({"manifest/" + digest.hex(), std::nullopt});
  unsaved_.clear();
  unremoved_.clear();
  return writes;
}

void Manifests::changes_failed() {
  for (const auto& [digest, held] : held_) unsaved_.insert(digest);
}

std::vector<std::string> Manifests::restore(const Restored& restored) {
  std::vector<std::string> unreadable;
  for (const auto& [key, bytes] : restored.group("manifest/")) {
    const auto named = Digest::from_hex(std::string_view(key).substr(9));
    Status why(PINNATE_CORRUPT, "its bytes are others than its name says");
    if (named && content::sha256(bytes.view()) == *named) why = add(bytes).status();
    if (named) unsaved_.erase(*named);
    if (why.ok()) continue;
    if (named) unremoved_.insert(*named);
    unreadable.push_back("the record '" + key + "' cannot be read: " + why.message());
  }
  return unreadable;
}

}  // namespace pinnate::tier
