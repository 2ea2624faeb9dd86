#include "simulator/scale.h"
namespace pinnate::simulator { int run_scale(int, char**) { return 2; } }
