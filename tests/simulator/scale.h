// What a large fleet costs, in virtual time on one core: `pinnate-sim scale`.
#pragma once

namespace pinnate::simulator {

// argv[0] is the word before the arguments. Returns the exit status: 0 when every reach is met, 1
// when one is short, 2 for wrong arguments.
int run_scale(int argc, char** argv);

}  // namespace pinnate::simulator
