// The immutable description of a module version. It travels as the very bytes its author wrote, and
// its name is their SHA-256. lib/wire/PROTOCOL.md, section "Manifest", gives the fields.
#pragma once

#include "base/buffer.h"
#include "base/digest.h"
#include "base/limits.h"
#include "base/status.h"

#include <cstdint>
#include <string>
#include <vector>

namespace pinnate::content {

struct ArtifactEntry {
  std::string platform;
  Digest digest;  // SHA-256 of the artifact's plain bytes
  std::uint64_t size_bytes = 0;  // at least 1
  std::vector<Digest> chunks;  // SHA-256 of each chunk's plain bytes; ceil(size_bytes / kChunkBytes) of them

  // Plain size of chunk `index`: kChunkBytes but for the last.
  std::uint32_t chunk_bytes(std::uint32_t index) const {
    const std::uint64_t at = std::uint64_t(index) * kChunkBytes;
    return static_cast<std::uint32_t>(size_bytes - at < kChunkBytes ? size_bytes - at : kChunkBytes);
  }
};

struct Limits {
  std::uint32_t load_ms = 10000, create_ms = 10000, health_ms = 5000, call_ms = 30000, drain_ms = 30000;
  bool operator==(const Limits&) const = default;
};

struct Manifest {
  std::string name, version, loader = "native";
  std::vector<ArtifactEntry> artifacts;  // by platform, no platform twice
  Limits limits;
  std::vector<std::string> needs;  // features that an engine must know to load it

  // The entry for `platform`, else the one for "any", else nullptr.
  const ArtifactEntry* artifact_for(const std::string& platform) const;
  std::string platforms() const;  // "linux-aarch64 linux-x86_64"
};

// PINNATE_TOO_LARGE, in words, if one of its artifacts is over the limit.
Status check_sizes(const Manifest& manifest, std::uint64_t limit_bytes);

Buffer encode_manifest(const Manifest& manifest);
// Checks every field and limit; never takes more memory than a small multiple of bytes.size().
Result<Manifest> decode_manifest(const Buffer& bytes);

}  // namespace pinnate::content
