// Where C meets C++: every function of the ABI runs its body in here, so that no exception leaves
// the library, the words of a failure are kept for pinnate_last_error, and nothing happens in a
// forked child.
#pragma once

#include "base/status.h"

#include <exception>
#include <new>

namespace pinnate::capi {

// Keeps the words of a failure for this thread; returns the code. Allocates nothing.
pinnate_status remember(pinnate_status code, const char* words) noexcept;
const char* last_error() noexcept;

// From the first handle on, children of fork() are told apart: they have its memory, but none of
// its threads.
void mark_children_of_fork();
bool is_child_of_fork() noexcept;

// PINNATE_INVALID when an argument, which is what `given` is made of, is NULL.
Status required(bool given, const char* argument);

template <class Body>
pinnate_status guarded(const Body& body) noexcept {
  if (is_child_of_fork())
    return remember(PINNATE_FORKED, "called in a child of fork(): handles stay with the process that opened them");
  try {
    const Status status = body();
    return status.ok() ? PINNATE_OK : remember(status.code(), status.message().c_str());
  } catch (const std::bad_alloc&) {
    return remember(PINNATE_NO_MEMORY, "out of memory");
  } catch (const std::exception& e) {
    return remember(PINNATE_INTERNAL, e.what());
  } catch (...) {
    return remember(PINNATE_INTERNAL, "an exception of no known type");
  }
}

}  // namespace pinnate::capi
