// Files that are a header and then frames, appended one after another: an artifact's chunks, and
// commits of records.
//
//   header  4 bytes that say what the file is, u32 version, u32 CRC-32 of both
//   frame   4 bytes that say what it is, u32 tag, u32 length, u32 CRC-32 of tag, length and
//           payload; payload, of at least one byte
//
// A file of a newer version is refused as it is. Frames of kinds unknown here would be taken for
// damage: a writer that has more to say needs a new version.
#pragma once

#include "base/status.h"
#include "store/files.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace pinnate::store {

inline constexpr std::size_t kFileHeaderBytes = 12, kFrameHeaderBytes = 16;

struct FrameFormat {
  std::string_view file_magic, frame_magic;  // 4 bytes each
  std::uint32_t version;
  std::uint32_t tags;  // a tag is below
  std::size_t most_bytes;  // of a payload
};

std::string encode_file_header(const FrameFormat& format);
// PINNATE_INCOMPATIBLE: of a newer version. PINNATE_CORRUPT: no header. `path` is for the words.
Status check_file_header(const FrameFormat& format, std::string_view bytes, const std::string& path);
// `tag` and `payload` are within the format's limits.
std::string encode_frame(const FrameFormat& format, std::uint32_t tag, std::string_view payload);

struct FrameScan {
  // Of the last intact frame, or of the header; 0: there is neither. What follows may be cut off.
  std::uint64_t end = 0;
  // Where bytes begin that are no frame and that an intact frame follows: no crash leaves those,
  // where each frame is synced before the next one is written.
  std::optional<std::uint64_t> damage;
  Status unreadable;  // a part of the disk that cannot be read: what lies beyond it was not looked at
};

// Finds the intact frames in the first `size` bytes of a file, whatever happened to the others, in
// little more memory than one frame. PINNATE_INCOMPATIBLE: of a newer version.
using TakeFrame = std::function<void(std::uint64_t offset, std::uint32_t tag, std::string_view payload)>;
Result<FrameScan> scan_frames(const FrameFormat& format, const Descriptor& file, const std::string& path,
                              std::uint64_t size, const TakeFrame& take);

}  // namespace pinnate::store
