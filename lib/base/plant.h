// Known bugs that the simulator plants in the tiers to show that it would find them. They exist in its own build of lib/tier alone, which
// defines the macro beforehand: everywhere else it is false, and what it guards is compiled away.
#pragma once

#ifndef PINNATE_PLANT
#define PINNATE_PLANT(name) false
#endif
