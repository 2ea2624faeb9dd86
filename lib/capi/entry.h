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

// Null: there is no such handle.
Status usable_here(const OpenedHere* opened, const char* noun);

// Runs `body` on the handle, or on what it is made of, with these arguments; inside the boundary.
// H::kNoun is what the header calls the handle.
template <class H, class Body, class... Arguments>
pinnate_status with(H* handle, const Body& body, const Arguments&... arguments) noexcept {
  return guarded([&]() -> Status {
    if (Status s = usable_here(handle ? &handle->opened_here() : nullptr, H::kNoun); !s.ok()) return s;
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

Status listen(Handle& handle, const char* address, char* bound, std::size_t bound_size, pinnate_ticket* ticket);
Status dial(Handle& handle, tier::Side side, const char* address, pinnate_ticket* ticket);

// Writes the words of a failure, or none, to the caller's memory.
void copy_error(pinnate_status status, char* error, std::size_t error_bytes) noexcept;
// As `with`, for functions that take such memory.
template <class H, class Body, class... Arguments>
pinnate_status with_error(H* handle, char* error, std::size_t error_bytes, const Body& body,
                          const Arguments&... arguments) noexcept {
  const pinnate_status status = with(handle, body, arguments...);
  copy_error(status, error, error_bytes);
  return status;
}

}  // namespace pinnate::capi
