// The encoded form of a chunk, as it travels and as it is stored: one byte that says how, then the bytes.
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

// Decodes and verifies: the result is exactly `plain_bytes` long and its SHA-256 is `expected`, or PINNATE_CORRUPT.
// Never takes more memory than plain_bytes, which must be at most kChunkBytes; plain bytes are shared, not copied.
Result<Buffer> decode_chunk(const Buffer& encoded, std::uint32_t plain_bytes, const Digest& expected);

// The same for bytes that were verified and have been nowhere but in this process's memory since: it does not hash again.
Result<Buffer> decode_verified_chunk(const Buffer& encoded, std::uint32_t plain_bytes);

}  // namespace pinnate::content
