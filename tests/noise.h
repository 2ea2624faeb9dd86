// Bytes that neither repeat nor compress.
#pragma once

#include "base/buffer.h"
#include "base/random.h"

#include <cstring>
#include <string>
#include <string_view>

namespace pinnate {

inline std::string noise(std::size_t size_bytes, std::uint64_t seed = 1) {
  Random random(seed);
  std::string bytes(size_bytes, '\0');
  for (std::size_t at = 0; at < size_bytes; at += 8) {
    const std::uint64_t word = random.next();
    std::memcpy(&bytes[at], &word, size_bytes - at < 8 ? size_bytes - at : 8);
  }
  return bytes;
}

inline std::uint64_t noise_seed(std::string_view title, std::size_t size_bytes) {
  std::uint64_t seed = size_bytes;
  for (char c : title) seed = seed * 131 + static_cast<unsigned char>(c);
  return seed;
}

// Those that belong to this title and size alone.
inline Buffer noise_of(std::string_view title, std::size_t size_bytes) {
  return Buffer(noise(size_bytes, noise_seed(title, size_bytes)));
}

}  // namespace pinnate
