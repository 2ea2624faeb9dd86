// A process may be started without stdin, stdout or stderr. The next file or socket that it opens
// is then 0, 1 or 2: what is meant for a terminal goes there, and libuv aborts when it closes it.
#pragma once

#include "base/status.h"

namespace pinnate::runtime {

// Opens /dev/null for those of the three that are closed, for good, in a way that reading and
// writing them fails as before; children that are executed find them closed. Any thread.
Status hold_standard_descriptors();

}  // namespace pinnate::runtime
