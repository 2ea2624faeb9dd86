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
  const std::set<pid_t>* before;  // threads that are not in it: as those that were there when it came
  std::set<pid_t> outside{};  // others that were seen elsewhere
};

// For each, how many later threads have a return address in it on their stacks. Of a thread that
// runs only the stack shows, with what is left there of earlier calls; one that the system does not
// let us look at may be in all. `patient` gives such some tens of milliseconds to wait for something.
std::vector<std::uint32_t> threads_inside(std::vector<Suspect>& suspects, bool patient);

// "its handler of SIGINT", or "": nothing of the process points into it.
std::string pointed_at_by(const LinkedObject& object);

}  // namespace pinnate::module
