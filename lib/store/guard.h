// The boundary that no exception crosses: every public function of a store runs its body in here.
#pragma once

#include "base/status.h"

#include <exception>
#include <new>

namespace pinnate::store {

// Runs `body`, which returns a Status or a Result. The words are short enough to need no allocation of their own.
template <typename Body>
auto guarded(Body&& body) noexcept -> decltype(body()) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return decltype(body())(Status(PINNATE_NO_MEMORY, "out of memory"));
  } catch (const std::exception&) {
    return decltype(body())(Status(PINNATE_INTERNAL, "store failed"));
  }
}

}  // namespace pinnate::store
