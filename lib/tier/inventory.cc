#include "tier/inventory.h"

namespace pinnate::tier {

void Inventory::restore(const Restored& restored) {
  for (const auto& [artifact, chunks] : restored.chunks)
    for (const auto& [index, bytes] : chunks) add(artifact, index, bytes);
}

const Inventory::Held* Inventory::find(const Digest& artifact) const {
  const auto found = held_.find(artifact);
  return found == held_.end() ? nullptr : &found->second;
}

bool Inventory::has(const Digest& artifact, std::uint32_t index) const {
  const Held* held = find(artifact);
  return held && index < held->sizes.size() && held->sizes[index] != 0;
}

bool Inventory::whole(const content::ArtifactEntry& artifact) const {
  return held_chunks(artifact.digest) >= artifact.chunks.size();
}

std::uint64_t Inventory::held_chunks(const Digest& artifact) const {
  const Held* held = find(artifact);
  return held ? held->chunks : 0;
}

void Inventory::add(const Digest& artifact, std::uint32_t index, std::size_t stored_bytes) {
  if (index >= kArtifactCeilingBytes / kChunkBytes) return;  // a store that was tampered with
  lost(artifact, index);
  Held& held = held_[artifact];
  if (held.sizes.size() <= index) held.sizes.resize(index + 1, 0);
  held.sizes[index] = static_cast<std::uint32_t>(stored_bytes == 0 ? 1 : stored_bytes);
  held.bytes += held.sizes[index];
  total_bytes_ += held.sizes[index];
  held.chunks++;
  held.used_ms = core_->now().monotonic_ms;
}

void Inventory::lost(const Digest& artifact, std::uint32_t index) {
  if (!has(artifact, index)) return;
  Held& held = held_[artifact];
  held.bytes -= held.sizes[index];
  total_bytes_ -= held.sizes[index];
  held.sizes[index] = 0;
  held.doubtful.erase(index);
  held.chunks--;
}

void Inventory::doubt(const Digest& artifact, std::uint32_t index) {
  if (has(artifact, index)) held_[artifact].doubtful.insert(index);
}

void Inventory::read_well(const Digest& artifact, std::uint32_t index) {
  if (const auto found = held_.find(artifact); found != held_.end()) found->second.doubtful.erase(index);
}

bool Inventory::doubts(const Digest& artifact, std::uint32_t index) const {
  const Held* held = find(artifact);
  return held && held->doubtful.contains(index);
}

bool Inventory::doubts_any(const Digest& artifact) const {
  const Held* held = find(artifact);
  return held && !held->doubtful.empty();
}

void Inventory::touch(const Digest& artifact) {
  if (const auto found = held_.find(artifact); found != held_.end()) found->second.used_ms = core_->now().monotonic_ms;
}

std::uint64_t Inventory::trim(const std::set<Digest>& needed, std::uint64_t limit_bytes) {
  std::uint64_t needed_bytes = 0;
  for (const Digest& artifact : needed)
    if (const Held* held = find(artifact)) needed_bytes += held->bytes;
  while (total_bytes_ > limit_bytes) {
    auto oldest = held_.end();
    for (auto it = held_.begin(); it != held_.end(); ++it)
      if (!needed.contains(it->first) && (oldest == held_.end() || it->second.used_ms < oldest->second.used_ms))
        oldest = it;
    if (oldest == held_.end()) break;
    total_bytes_ -= oldest->second.bytes;
    core_->act(DropArtifact{oldest->first});
    held_.erase(oldest);
  }
  return needed_bytes > limit_bytes ? needed_bytes - limit_bytes : 0;
}

}  // namespace pinnate::tier
