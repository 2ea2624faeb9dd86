// Members named by the EndpointSlices of a Kubernetes Service (API discovery.k8s.io/v1).
#pragma once

#include "discovery/source/source.h"

namespace pinnate::discovery {

Result<std::unique_ptr<Source>> open_kubernetes(const Uri& uri, Loop& loop, const Log& log, Say say);

}  // namespace pinnate::discovery
