// What of a module is left in the process when its service is gone: threads in its code, signal
// handlers and alternate stacks that point into it.
#pragma once

#include "module/loading/linked_objects.h"

#include <sys/types.h>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace pinnate::module {

std::set<pid_t> threads_of_process();

struct Suspect {
  const LinkedObject* object;
  const std::set<pid_t>* before;  // threads that were there when it came
};

// For each, how many later threads have a return address in it on their stacks. A thread that runs
// shows none: `patient` waits some tens of milliseconds for it to wait for something, and then
// counts it as one of each, and so it does one that cannot be looked at.
std::vector<std::uint32_t> threads_inside(const std::vector<Suspect>& suspects, bool patient);

// "its handler of SIGINT", or "": nothing of the process points into it.
std::string pointed_at_by(const LinkedObject& object);

}  // namespace pinnate::module
