// Looks at a shared object's headers before the dynamic linker does: its own words would not name the platform, and a file
// cut short would raise SIGBUS inside it.
#pragma once

#include "base/status.h"

#include <string_view>

namespace pinnate::module {

// OK, or PINNATE_INVALID (no shared object) or PINNATE_INCOMPATIBLE (for another platform), in words.
Status check_shared_object(std::string_view bytes);

}  // namespace pinnate::module
