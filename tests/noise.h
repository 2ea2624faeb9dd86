// Bytes of modules that nobody wrote.
#pragma once

#include "base/buffer.h"
#include "base/random.h"

#include <string>
#include <string_view>
#include <utility>

namespace pinnate {

// Bytes that belong to this title and size alone, and do not compress.
inline Buffer noise(std::string_view title, std::size_t size_bytes) {
  std::uint64_t seed = size_bytes;
  for (char c : title) seed = seed * 131 + static_cast<unsigned char>(c);
  Random random(seed);
  std::string bytes(size_bytes, '\0');
  for (char& c : bytes) c = static_cast<char>(random.next());
  return Buffer(std::move(bytes));
}

}  // namespace pinnate
