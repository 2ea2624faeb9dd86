// What the thin functions of the ABI share: finding the handle behind a pointer, and those that all
// handles have alike.
#pragma once

#include "base/status.h"
#include "capi/asking.h"
#include "capi/boundary.h"
#include "capi/handle.h"
#include "capi/sized.h"
#include "runtime/standard_descriptors.h"

#include <pinnate/common.h>

#include <cstddef>
#include <functional>
#include <utility>

namespace pinnate::capi {

// Runs `body` on the handle, or on what it is made of, with these arguments; inside the boundary.
// H::kNoun is what the header calls the handle.
template <class H, class Body, class... Arguments>
pinnate_status with(H* handle, const Body& body, const Arguments&... arguments) noexcept {
  return guarded([&]() -> Status {
    if (Status s = required(handle, H::kNoun); !s.ok()) return s;
    return std::invoke(body, *handle, arguments...);
  });
}

// Makes a handle of type H with `make`, which returns a Result<H*>, and hands it over through
// `out`.
template <class H, class Options>
pinnate_status open_handle(const Options* options, Result<H*> (*make)(const Options&), H** out) noexcept {
  return guarded([&]() -> Status {
    if (Status s = required(out, H::kNoun); !s.ok()) return s;
    *out = nullptr;
    if (Status s = runtime::hold_standard_descriptors(); !s.ok()) return s;
    const Result<Options> given = read_options(options);
    if (!given.ok()) return given.status();
    const Result<H*> made = make(*given);
    if (made.ok()) *out = *made;
    return made.status();
  });
}

// What was opened in another process stays: its threads are not here to close it.
void give_up(Handle* handle) noexcept;

Status listen(Handle& handle, const char* address, char* bound, std::size_t bound_size);
Status dial(Handle& handle, tier::Side side, const char* address);

}  // namespace pinnate::capi
