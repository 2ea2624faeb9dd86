#include "jpeg_size.h"

namespace cli {

std::optional<PictureSize> jpeg_size(std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const auto word = [&](std::size_t i) { return byte(i) * 256u + byte(i + 1); };
  if (bytes.size() < 4 || word(0) != 0xffd8) return std::nullopt;
  std::size_t at = 2;
  while (at + 9 <= bytes.size() && byte(at) == 0xff) {
    const unsigned marker = byte(at + 1);
    const bool frame = marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
    if (frame) return PictureSize{word(at + 7), word(at + 5)};
    at += 2 + word(at + 2);
  }
  return std::nullopt;
}

}  // namespace cli
