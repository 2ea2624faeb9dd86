// What work throws becomes a status.
#pragma once

#include "base/guarded.h"
#include "base/status.h"

#include <exception>
#include <new>
#include <string>

namespace pinnate::runtime {

// `body` returns a Status or a Result.
template <typename Body>
auto guarded(Body&& body) noexcept -> decltype(body()) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return no_memory();
  } catch (const std::exception& e) {
    Status status = no_memory();  // for the words
    quietly([&] { status = {PINNATE_INTERNAL, std::string("threw an exception: ") + e.what()}; });
    return status;
  } catch (...) {
    return Status(PINNATE_INTERNAL, {});
  }
}

}  // namespace pinnate::runtime
