// The parts of `pinnate-sim scale`, each in a file of its own.
#pragma once

#include "simulator/scale_options.h"
#include "simulator/scale_report.h"

namespace pinnate::simulator {

void scale_fleet(const ScaleOptions& options, ScaleReport* report);
void scale_traffic(const ScaleOptions& options, ScaleReport* report);
void scale_restart(const ScaleOptions& options, ScaleReport* report);
void scale_storm(const ScaleOptions& options, ScaleReport* report);
void scale_named(const ScaleOptions& options, ScaleReport* report);
void scale_status(const ScaleOptions& options, ScaleReport* report);
void scale_overtake(const ScaleOptions& options, ScaleReport* report);
void scale_functions(const ScaleOptions& options, ScaleReport* report);

}  // namespace pinnate::simulator
