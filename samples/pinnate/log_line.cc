#include "log_line.h"

#include "shown_text.h"
#include "whole_output.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>

namespace cli {

namespace {

constexpr std::array<std::string_view, 4> kNames = {"debug", "info", "warning", "error"};

}  // namespace

std::optional<pinnate_log_level> parse_log_level(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (name == kNames[i]) return static_cast<pinnate_log_level>(i);
  }
  return std::nullopt;
}

std::string log_text(pinnate_log_level level, std::string_view message) {
  const auto now = std::chrono::system_clock::now();
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  const std::time_t seconds = millis / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char stamp[32];
  const std::size_t length = std::strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
  char fraction[16];
  std::snprintf(fraction, sizeof fraction, ".%03dZ", static_cast<int>(millis % 1000));

  const auto index = static_cast<std::size_t>(level);
  std::string line(stamp, length);
  line += fraction;
  line += ' ';
  line += index < kNames.size() ? kNames[index] : "?";
  line += ' ';
  line += shown(message);
  line += '\n';
  return line;
}

void log_line(void*, pinnate_log_level level, const char* message) {
  write_whole(Output::err, log_text(level, message));
}

}  // namespace cli
