// The library's log, a line each on stderr with time and level.
#pragma once

#include <pinnate/common.h>

#include <optional>
#include <string_view>

namespace cli {

inline constexpr char kLogLevels[] = "debug, info, warning or error";

std::optional<pinnate_log_level> parse_log_level(std::string_view name);

// A pinnate_log_fn. May be called on any thread: a line is written whole.
void log_line(void* arg, pinnate_log_level level, const char* message);

}  // namespace cli
