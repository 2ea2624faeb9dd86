// What names of hosts and services may look like.
#pragma once

#include <string>

namespace pinnate::discovery {

// In words, beginning with the name or its part in quotes; "": nothing. A dot at the end is allowed,
// and so is '_', which service names begin with and names of containers have.
std::string wrong_with_host_name(const std::string& name);

}  // namespace pinnate::discovery
