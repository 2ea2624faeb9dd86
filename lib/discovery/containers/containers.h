// Members that are containers of one runtime, by the Docker API as Docker and podman serve it on a
// UNIX socket.
//
//   docker:SOCKET        the path of the socket, such as /run/docker.sock or /run/podman/podman.sock
//   label=KEY=VALUE      which containers: those that run and have this label. Where it stands
//                        several times, those that have all of them
//   port=N               that members listen at, inside
//   network=NAME         whose addresses are taken; by default those of all networks
#pragma once

#include "discovery/source/source.h"

namespace pinnate::discovery {

Result<std::unique_ptr<Source>> open_containers(const Uri& uri, Loop& loop, const Log& log, Say say);

}  // namespace pinnate::discovery
