// Files that are a header and then frames, appended one after another: an artifact's chunks, and
// commits of records.
//
//   header  4 bytes that say what the file is, u32 version, u32 CRC-32 of both
//   frame   4 bytes that say what it is, u32 tag, u32 length, u32 CRC-32 of tag, length and payload;
//           payload
//
// A file of a newer version is refused as it is. Frames of kinds unknown here would be taken for
// damage: a writer that has more to say needs a new version.
#pragma once

#include "base/status.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pinnate::store {

inline constexpr std::size_t kFileHeaderBytes = 12, kFrameHeaderBytes = 16;

struct FrameFormat {
  std::string_view file_magic, frame_magic;  // 4 bytes each
  std::uint32_t version;
  std::uint32_t tags;  // a tag is below
  std::size_t least_bytes, most_bytes;  // of a payload
};

struct FrameHeader {
  std::uint32_t tag = 0;
  std::uint32_t length = 0;  // of the payload
};

std::string encode_file_header(const FrameFormat& format);
// PINNATE_INCOMPATIBLE: of a newer version. PINNATE_CORRUPT: no header. `path` is for the words.
Status check_file_header(const FrameFormat& format, std::string_view bytes, const std::string& path);

// `tag` and `payload` are within the format's limits.
std::string encode_frame(const FrameFormat& format, std::uint32_t tag, std::string_view payload);
// The header at the beginning of `bytes`, if one can be there.
std::optional<FrameHeader> read_frame_header(const FrameFormat& format, std::string_view bytes);
// Whether `frame` (header and payload, nothing more) is what was encoded.
bool is_intact(const FrameFormat& format, std::string_view frame);

}  // namespace pinnate::store
