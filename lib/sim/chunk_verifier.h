// Answers what content::decode_chunk would, and inflates and hashes each encoding of a chunk once
// for the whole world: later ones are compared with those bytes. A thousand disks hold one shared
// buffer.
#pragma once

#include "base/buffer.h"
#include "base/digest.h"

#include <cstdint>
#include <optional>
#include <unordered_map>

namespace pinnate::sim {

class ChunkVerifier {
 public:
  // The same bytes, shared by all who hold them; nothing when they are not the chunk `expected`.
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
