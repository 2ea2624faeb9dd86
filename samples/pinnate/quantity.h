// Durations, sizes and times as people write them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cli {

using Milliseconds = std::chrono::milliseconds;

inline constexpr char kDurationForm[] = "write 500ms, 10s, 5m, 2h or 1d; at most 49d";
inline constexpr char kSizeForm[] = "write 4096, 64KiB, 16MiB or 1GiB";

// A number and its unit, at most the 49 days that fit the C ABI. Nothing when it is no duration.
std::optional<Milliseconds> parse_duration(std::string_view text);
// A number of bytes, with or without B, KiB, MiB, GiB or TiB.
std::optional<std::uint64_t> parse_size(std::string_view text);

std::string duration_text(double milliseconds);  // "4.1 ms", "2.3 s"
std::string size_text(std::uint64_t bytes);  // "812 bytes", "1.2 MiB"

// "2026-11-30 13:00:05", local time.
std::string time_text(std::int64_t unix_ms);

}  // namespace cli
