// The bytes that are published.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace bench {

// Xorshift noise, which no compression makes smaller. Seed 0 gives the very bytes that the peers
// deliver.
std::string noise(std::uint64_t seed, std::size_t bytes);

}  // namespace bench
