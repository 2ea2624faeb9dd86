// A process may be started without stdin, stdout or stderr. The next file or socket that it opens is then 0, 1 or 2: what is meant for a
// terminal goes there, and libuv aborts the process when it is to close it.
#pragma once

#include "base/status.h"

namespace pinnate::runtime {

// Gives those of the three that are closed to /dev/null for as long as the process lives, in a way that reading and writing them fails as
// before; children that it executes find them closed. Any thread.
Status hold_standard_descriptors();

}  // namespace pinnate::runtime
