// Finds the intact frames of a file, whatever a crash or a bad disk did to the others.
#pragma once

#include "base/status.h"
#include "store/files.h"
#include "store/frame.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace pinnate::store {

struct FrameScan {
  // Of the last intact frame, or of the header; 0 when there is neither. What follows may be cut off.
  std::uint64_t end = 0;
  // Where bytes begin that are no frame and that an intact frame follows: no crash leaves those,
  // where each frame is synced before the next one is written.
  std::optional<std::uint64_t> damage;
  Status unreadable;  // a part of the disk that cannot be read: what lies beyond it was not looked at
};

using TakeFrame = std::function<void(std::uint64_t offset, const FrameHeader& header, std::string_view payload)>;

// Reads the first `size` bytes of the file, and checks every one of them, in little more memory than
// one frame. PINNATE_INCOMPATIBLE: of a newer version.
Result<FrameScan> scan_frames(const FrameFormat& format, const Descriptor& file, const std::string& path,
                              std::uint64_t size, const TakeFrame& take);

}  // namespace pinnate::store
