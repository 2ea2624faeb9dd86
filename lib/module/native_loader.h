// The built-in loader: shared objects that export `pinnate_module`, loaded by dlopen (RTLD_LOCAL | RTLD_NOW) from the image.
#pragma once

#include "module/loaders.h"

namespace pinnate::module {

const Loader& native_loader();

}  // namespace pinnate::module
