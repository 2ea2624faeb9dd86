// Numbers as they stand in files: least significant byte first, on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace pinnate::store {

inline void append_u32(std::string* out, std::uint32_t n) {
  for (int shift = 0; shift < 32; shift += 8) out->push_back(static_cast<char>(n >> shift));
}

// Reads 4 bytes.
inline std::uint32_t read_u32(const char* p) {
  std::uint32_t n = 0;
  for (int i = 3; i >= 0; i--) n = n << 8 | static_cast<unsigned char>(p[i]);
  return n;
}

}  // namespace pinnate::store
