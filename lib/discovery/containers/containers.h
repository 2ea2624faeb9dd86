// Members that are containers of one runtime, by the Docker API as Docker and podman serve it on a
// UNIX socket.
#pragma once

#include "discovery/source/source.h"

namespace pinnate::discovery {

Result<std::unique_ptr<Source>> open_containers(const Uri& uri, Loop& loop, const Log& log, Say say);

}  // namespace pinnate::discovery
