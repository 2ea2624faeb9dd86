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

// Of a thread that runs only the stack shows, with what is left there of earlier calls; of one that
// the system does not let us look at, nothing. What it may be in,
enum class Unseen {
  elsewhere,  // it counts nowhere
  inside,  // it counts as in
  awaited  // too, after some tens of milliseconds in which it did not wait for anything
};
// For each, how many later threads have a return address in it on their stacks.
std::vector<std::uint32_t> threads_inside(std::vector<Suspect>& suspects, Unseen unseen);

// "its handler of SIGINT", or "": nothing of the process points into it.
std::string pointed_at_by(const LinkedObject& object);

}  // namespace pinnate::module
