// A time as people read it in every log: 2026-11-30T13:00:05Z.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace pinnate {

inline std::string utc_text(std::int64_t unix_ms) {
  using namespace std::chrono;
  const sys_seconds at{floor<seconds>(milliseconds(unix_ms))};
  const auto day = floor<days>(at);
  const year_month_day date(day);
  const hh_mm_ss time(at - day);
  const auto two = [](auto number) {
    const std::string digits = std::to_string(static_cast<unsigned>(number));
    return digits.size() < 2 ? "0" + digits : digits;
  };
  return std::to_string(static_cast<int>(date.year())) + "-" + two(static_cast<unsigned>(date.month())) + "-" +
         two(static_cast<unsigned>(date.day())) + "T" + two(time.hours().count()) + ":" + two(time.minutes().count()) +
         ":" + two(time.seconds().count()) + "Z";
}

}  // namespace pinnate
