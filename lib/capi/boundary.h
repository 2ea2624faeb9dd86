// Where C meets C++: every function of the ABI runs its body in here, so that no exception leaves
// the library, and the words of a failure are kept for pinnate_last_error.
#pragma once

#include "base/fork.h"
#include "base/status.h"

namespace pinnate::capi {

// Keeps the words of a failure for this thread; returns the code. Allocates nothing.
pinnate_status remember(pinnate_status code, const char* words) noexcept;
const char* last_error() noexcept;

// What belongs to the process that made it.
class OpenedHere {
 public:
  Status check() const;  // PINNATE_FORKED in a child of it

 private:
  const unsigned forks_ = fork_count();
};

// PINNATE_INVALID when an argument, which is what `given` is made of, is NULL.
Status required(bool given, const char* argument);

// One for all functions of the ABI: what differs is called through a pointer.
pinnate_status run_guarded(Status (*run)(const void* body), const void* body) noexcept;

template <class Body>
pinnate_status guarded(const Body& body) noexcept {
  return run_guarded([](const void* b) -> Status { return (*static_cast<const Body*>(b))(); }, &body);
}

}  // namespace pinnate::capi
