#include "simulator/scale.h"

#include "simulator/scale_options.h"
#include "simulator/scale_parts.h"
#include "simulator/scale_report.h"

#include <cstdio>

namespace pinnate::simulator {

int run_scale(int argc, char** argv) {
  std::string error;
  const auto options = parse_scale(argc, argv, &error);
  if (!options && error.empty()) {
    std::fputs(kScaleHelp, stdout);
    return 0;
  }
  if (!options) {
    std::fprintf(stderr, "pinnate-sim scale: %s\n", error.c_str());
    return 2;
  }
  ScaleReport report;
  const bool all = options->what == "all";
  if (all || options->what == "fleet") scale_fleet(*options, &report);
  if (all || options->what == "traffic") scale_traffic(*options, &report);
  if (all || options->what == "restart") scale_restart(*options, &report);
  if (all || options->what == "storm") scale_storm(*options, &report);
  if (all || options->what == "named") scale_named(*options, &report);
  if (all || options->what == "status") scale_status(*options, &report);
  if (all || options->what == "overtake") scale_overtake(*options, &report);
  if (all || options->what == "functions") scale_functions(*options, &report);
  return report.short_of_any() ? 1 : 0;
}

}  // namespace pinnate::simulator
