// Known bugs that the simulator plants in the tiers to show that it would find them. They exist in its own build of lib/tier alone:
// everywhere else PINNATE_PLANT(x) is false, and what it guards is compiled away.
#pragma once

#ifdef PINNATE_PLANTS
#include "simulator/plants.h"
#define PINNATE_PLANT(name) (::pinnate::simulator::planted == ::pinnate::simulator::Plant::name)
#else
#define PINNATE_PLANT(name) false
#endif
