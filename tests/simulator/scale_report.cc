#include "simulator/scale_report.h"

#include <cmath>
#include <cstdarg>
#include <cstdio>

namespace pinnate::simulator {
namespace {

std::string shown(double value) {
  char text[40];
  std::snprintf(text, sizeof text, value == std::floor(value) ? "%.0f" : "%.3f", value);
  return text;
}

}  // namespace

void ScaleReport::say(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  std::vprintf(format, arguments);
  va_end(arguments);
  std::printf("\n");
  std::fflush(stdout);
}

void ScaleReport::reach(const std::string& name, double measured, double limit) {
  const bool met = measured <= limit;
  if (!met) short_ = true;
  say("reach %s %s %s %s", name.c_str(), shown(measured).c_str(), shown(limit).c_str(), met ? "ok" : "short");
}

void ScaleReport::broken(const std::string& what) {
  short_ = true;
  say("broken: %s", what.c_str());
}

}  // namespace pinnate::simulator
