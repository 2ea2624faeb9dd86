// What the simulator publishes.
#pragma once

#include "noise.h"

#include <string>
#include <string_view>
#include <utility>

namespace pinnate::simulator {

// Bytes that belong to this title and size alone. Each is a draw of its own: what a seed comes to
// depends on them, and regressions.txt names seeds.
inline Buffer module_bytes(std::string_view title, std::size_t size_bytes) {
  Random random(noise_seed(title, size_bytes));
  std::string bytes(size_bytes, '\0');
  for (char& c : bytes) c = static_cast<char>(random.next());
  return Buffer(std::move(bytes));
}

}  // namespace pinnate::simulator
