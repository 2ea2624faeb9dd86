// The encoded form of a chunk, as it travels and is stored: one byte that says how, then the bytes.
//   0  plain
//   1  zlib (RFC 1950), when that is smaller than plain
#pragma once

#include "base/buffer.h"
#include "base/digest.h"
#include "base/status.h"

#include <cstdint>
#include <string_view>

namespace pinnate::content {

// `plain` is at most kChunkBytes.
Buffer encode_chunk(std::string_view plain);

// Decodes and verifies: `plain_bytes` with the SHA-256 `expected`, or PINNATE_CORRUPT. Takes no
// more memory than plain_bytes, which must be at most kChunkBytes; plain bytes are shared, not
// copied.
Result<Buffer> decode_chunk(const Buffer& encoded, std::uint32_t plain_bytes, const Digest& expected);

// The same without hashing, for bytes that never left this process since they were verified.
Result<Buffer> decode_verified_chunk(const Buffer& encoded, std::uint32_t plain_bytes);

}  // namespace pinnate::content
