// The SHA-256 of something, as its name.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace pinnate {

struct Digest {
  std::array<std::uint8_t, 32> bytes{};

  auto operator<=>(const Digest&) const = default;
  bool is_zero() const { return *this == Digest{}; }
  std::string_view view() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

  // 64 hex digits, lower case.
  std::string hex() const;
  // From exactly 64 hex digits.
  static std::optional<Digest> from_hex(std::string_view hex);
  // From exactly 32 bytes.
  static std::optional<Digest> from_bytes(std::string_view raw);
};

}  // namespace pinnate

template <>
struct std::hash<pinnate::Digest> {
  std::size_t operator()(const pinnate::Digest& d) const noexcept {
    std::size_t h;
    std::memcpy(&h, d.bytes.data(), sizeof h);
    return h;
  }
};
