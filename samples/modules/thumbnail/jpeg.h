// Pictures from JPEG files and back, by libjpeg. Hostile files end as a std::runtime_error in
// words.
#pragma once

#include <cstddef>
#include <vector>

struct Picture {  // red, green, blue: 3 bytes per pixel, row after row
  unsigned width = 0, height = 0;
  std::vector<unsigned char> pixels;
};

// May come smaller than it is stored, but the longer side is not shorter than `enough` for that
// reason.
Picture read_jpeg(const void* data, std::size_t size, unsigned enough);
std::vector<unsigned char> write_jpeg(const Picture& picture, int quality);
