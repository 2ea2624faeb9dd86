// Members named by the EndpointSlices of a Kubernetes Service (API discovery.k8s.io/v1).
//
//   kubernetes:NAMESPACE/SERVICE[:PORT]     PORT: a number, or the name of a port in the slices; by
//                                           default their only one, or the one called "pinnate"
//   server=URL       of the API server; by default as a Pod is given it, and ca and token likewise
//   ca=FILE          whom to believe that it is the server; by default the system's authorities
//   token=FILE       read again for each request
//   cert=FILE key=FILE   a client certificate
//
// Who asks has to be allowed to list and watch endpointslices in the namespace.
#pragma once

#include "discovery/source/source.h"

namespace pinnate::discovery {

Result<std::unique_ptr<Source>> open_kubernetes(const Uri& uri, Loop& loop, const Log& log, Say say);

}  // namespace pinnate::discovery
