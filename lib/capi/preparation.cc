#include "capi/preparation.h"

#include "base/limits.h"

#include <algorithm>

namespace pinnate::capi {
namespace {

constexpr std::uint64_t kStepBytes = 4 * 1024 * 1024;

}  // namespace

Preparation::Preparation(std::shared_ptr<const PublishOrder> order) : order_(std::move(order)) {
  manifest_.name = order_->name;
  manifest_.version = order_->version;
  manifest_.loader = order_->loader;
  manifest_.limits = order_->limits;
  for (const PublishOrder::Artifact& artifact : order_->artifacts) {
    content::ArtifactEntry entry;
    entry.platform = artifact.platform;
    entry.size_bytes = artifact.source.size_bytes();
    manifest_.artifacts.push_back(std::move(entry));
  }
}

Result<bool> Preparation::step() {
  const std::uint64_t enough = bytes_read_ + kStepBytes;
  while (bytes_read_ < enough) {
    content::ArtifactEntry& entry = manifest_.artifacts[artifact_];
    const std::size_t length = std::min<std::uint64_t>(kChunkBytes, entry.size_bytes - offset_);
    const auto bytes = order_->artifacts[artifact_].source.read(offset_, length, &room_);
    if (!bytes.ok()) return bytes.status();
    entry.chunks.push_back(content::sha256(*bytes));
    whole_.update(*bytes);
    offset_ += length;
    bytes_read_ += length;
    if (offset_ < entry.size_bytes) continue;
    entry.digest = whole_.finish();
    whole_ = content::Sha256();
    offset_ = 0;
    if (++artifact_ == manifest_.artifacts.size()) return true;
  }
  return false;
}

Result<Buffer> Preparation::manifest() const {
  Buffer encoded = content::encode_manifest(manifest_);
  if (encoded.size() > kManifestLimitBytes)
    return {PINNATE_TOO_LARGE,
            "module '" + manifest_.name + "' " + manifest_.version + ": " + std::to_string(order_->artifact_bytes()) +
                " bytes of artifacts are more than one manifest can list; publish fewer platforms at once"};
  return encoded;
}

}  // namespace pinnate::capi
