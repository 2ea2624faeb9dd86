#include "content.h"

namespace bench {

std::string noise(std::uint64_t seed, std::size_t bytes) {
  std::string content(bytes, '\0');
  std::uint64_t x = 88172645463325252ULL + seed * 0x9E3779B97F4A7C15ULL;
  if (x == 0) x = 1;
  for (char& c : content) {
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    c = static_cast<char>(x);
  }
  return content;
}

}  // namespace bench
