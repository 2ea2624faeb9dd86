// Numbers and checksums as they stand in files.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <zlib.h>

namespace pinnate::store {

// Least significant byte first, on every machine.
inline void append_u32(std::string* out, std::uint32_t n) {
  for (int shift = 0; shift < 32; shift += 8) out->push_back(static_cast<char>(n >> shift));
}

// Reads 4 bytes.
inline std::uint32_t read_u32(const char* p) {
  std::uint32_t n = 0;
  for (int i = 3; i >= 0; i--) n = n << 8 | static_cast<unsigned char>(p[i]);
  return n;
}

// CRC-32, as zlib's, of one piece of memory after another. Finds damage, not intent.
inline std::uint32_t checksum(std::string_view first, std::string_view second = {}) {
  uLong crc = crc32(0, nullptr, 0);
  for (std::string_view part : {first, second})
    if (!part.empty()) crc = crc32_z(crc, reinterpret_cast<const Bytef*>(part.data()), part.size());
  return static_cast<std::uint32_t>(crc);
}

}  // namespace pinnate::store
