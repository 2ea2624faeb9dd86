// Known bugs that the simulator plants in its own build of lib/tier, to show that it would find
// them. Everywhere else the macro is false, and what it guards is compiled away.
#pragma once

#ifndef PINNATE_PLANT
#define PINNATE_PLANT(name) false
#endif
