#include "content/manifest_builder.h"

namespace pinnate::content {

void ManifestBuilder::add(std::string_view chunk) {
  ArtifactEntry& entry = manifest_.artifacts[artifact_];
  entry.chunks.push_back(sha256(chunk));
  whole_.update(chunk);
  offset_ += chunk.size();
  added_bytes_ += chunk.size();
  if (offset_ < entry.size_bytes) return;
  entry.digest = whole_.finish();
  whole_ = Sha256();
  offset_ = 0;
  artifact_++;
}

Result<Buffer> ManifestBuilder::encoded() const {
  Buffer encoded = encode_manifest(manifest_);
  if (encoded.size() > kManifestLimitBytes)
    return {PINNATE_TOO_LARGE,
            "module '" + manifest_.name + "' " + manifest_.version + ": " + std::to_string(added_bytes_) +
                " bytes of artifacts are more than one manifest can list; publish fewer platforms at once"};
  return encoded;
}

}  // namespace pinnate::content
