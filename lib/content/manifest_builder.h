// Makes a manifest from the plain bytes of its artifacts, one chunk after the other. Each byte is
// hashed twice, for its chunk and for its artifact, and never again by whoever keeps it in memory.
#pragma once

#include "content/manifest.h"
#include "content/sha256.h"

#include <cstdint>
#include <string_view>

namespace pinnate::content {

class ManifestBuilder {
 public:
  // `manifest` lacks the digests; its artifacts are sorted by platform and none is empty.
  explicit ManifestBuilder(Manifest manifest) : manifest_(std::move(manifest)) {}

  bool complete() const { return artifact_ == manifest_.artifacts.size(); }
  // The chunk to be added next.
  std::size_t artifact() const { return artifact_; }
  std::uint64_t offset() const { return offset_; }
  std::uint32_t next_bytes() const {
    return manifest_.artifacts[artifact_].chunk_bytes(static_cast<std::uint32_t>(offset_ / kChunkBytes));
  }
  void add(std::string_view chunk);
  std::uint64_t added_bytes() const { return added_bytes_; }

  // Once it is complete.
  const Manifest& manifest() const { return manifest_; }
  // PINNATE_TOO_LARGE when there are too many chunks to list.
  Result<Buffer> encoded() const;

 private:
  Manifest manifest_;
  Sha256 whole_;  // of the artifact that is being added
  std::size_t artifact_ = 0;
  std::uint64_t offset_ = 0, added_bytes_ = 0;
};

}  // namespace pinnate::content
