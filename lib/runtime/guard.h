// What work throws becomes a status: on threads and loops of the library's own no exception may go on.
#pragma once

#include "base/status.h"

#include <exception>
#include <new>
#include <string>

namespace pinnate::runtime {

// Within a catch block.
inline Status status_of_exception() noexcept try { throw; } catch (const std::bad_alloc&) {
  return no_memory();
} catch (const std::exception& e) {
  try {
    return {PINNATE_INTERNAL, std::string("threw an exception: ") + e.what()};
  } catch (...) {
    return no_memory();
  }
} catch (...) {
  return {PINNATE_INTERNAL, {}};
}

// `body` returns a Status or a Result.
template <typename Body>
auto guarded(Body&& body) noexcept -> decltype(body()) {
  try {
    return body();
  } catch (...) {
    return status_of_exception();
  }
}

}  // namespace pinnate::runtime
