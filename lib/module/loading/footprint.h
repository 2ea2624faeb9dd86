// What of a module is left in the process when its service is gone: threads in its code, signal
// handlers and alternate stacks that point into it.
#pragma once

#include "module/loading/linked_objects.h"

#include <sys/types.h>

#include <cstdint>
#include <set>
#include <string>

namespace pinnate::module {

std::set<pid_t> threads_of_process();

// How many threads that came after `before` have a return address in the object on their stacks. A
// thread that cannot be looked at counts as one.
std::uint32_t threads_inside(const LinkedObject& object, const std::set<pid_t>& before);

// "its handler of SIGINT", or "": nothing of the process points into it.
std::string pointed_at_by(const LinkedObject& object);

}  // namespace pinnate::module
