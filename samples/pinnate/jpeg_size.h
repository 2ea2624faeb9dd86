// The dimensions of a JPEG, read from its frame header, so that a demonstration can tell what
// became of a picture.
#pragma once

#include <optional>
#include <string_view>

namespace cli {

struct PictureSize {
  unsigned width;
  unsigned height;
};

// Nothing when the bytes are no JPEG.
std::optional<PictureSize> jpeg_size(std::string_view bytes);

}  // namespace cli
