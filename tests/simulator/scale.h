// Large fleets, and what they cost.
#pragma once

namespace pinnate::simulator {

int run_scale(int argc, char** argv);

}  // namespace pinnate::simulator
