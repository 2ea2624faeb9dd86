// The library's log, a line each on stderr with time and level.
#pragma once

#include <pinnate/common.h>

#include <optional>
#include <string>
#include <string_view>

namespace cli {

inline constexpr char kLogLevels[] = "debug, info, warning or error";

std::optional<pinnate_log_level> parse_log_level(std::string_view name);

// With time and level, and the newline. What a peer or a module says stays on the line.
std::string log_text(pinnate_log_level level, std::string_view message);

// A pinnate_log_fn. Any thread; never blocks.
void log_line(void* arg, pinnate_log_level level, const char* message);

}  // namespace cli
