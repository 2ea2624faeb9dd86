// CRC-32 (that of zlib) of one piece of memory after another. Finds damage, not intent: digests are for that.
#pragma once

#include <cstdint>
#include <string_view>

#include <zlib.h>

namespace pinnate::store {

inline std::uint32_t checksum(std::string_view first, std::string_view second = {}) {
  uLong crc = crc32(0, nullptr, 0);
  for (std::string_view part : {first, second})
    if (!part.empty()) crc = crc32_z(crc, reinterpret_cast<const Bytef*>(part.data()), part.size());
  return static_cast<std::uint32_t>(crc);
}

}  // namespace pinnate::store
