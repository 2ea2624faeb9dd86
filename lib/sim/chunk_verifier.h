// Decodes and verifies chunks, each different encoding once for the whole world: a chunk that a thousand engines
// take is inflated and hashed the first time, and compared byte for byte with those good bytes from then on. It
// answers exactly what content::decode_chunk would, and hands out one shared buffer, so that a thousand disks hold
// the chunk once.
#pragma once

#include "base/buffer.h"
#include "base/digest.h"

#include <cstdint>
#include <optional>
#include <unordered_map>

namespace pinnate::sim {

class ChunkVerifier {
 public:
  // The same bytes, shared with all who hold them, when they are the chunk `expected`; nothing when they are not.
  std::optional<Buffer> verify(const Buffer& encoded, std::uint32_t plain_bytes, const Digest& expected);

  std::uint64_t verified = 0;  // how many bytes were really inflated and hashed

 private:
  struct Good {
    Buffer encoded;
    std::uint32_t plain_bytes;
    Buffer last;  // found to be the same; a gateway hands one buffer to all its engines
  };
  std::unordered_map<Digest, Good> good_;
};

}  // namespace pinnate::sim
