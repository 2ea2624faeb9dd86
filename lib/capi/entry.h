// What the thin functions of the ABI share: finding the handle behind a pointer, and those that all
// handles have alike.
#pragma once

#include "base/status.h"
#include "capi/asking.h"
#include "capi/boundary.h"
#include "capi/handle.h"
#include "runtime/standard_descriptors.h"

#include <pinnate/common.h>

#include <cstddef>
#include <utility>

namespace pinnate::capi {

// Runs `body` inside the boundary unless `handle`, which the header calls `name`, is NULL.
template <class H, class Body>
pinnate_status with(H* handle, const char* name, const Body& body) noexcept {
  return guarded([&]() -> Status {
    if (Status s = required(handle, name); !s.ok()) return s;
    return body(*handle);
  });
}

// Makes a handle of type H with `make`, which returns a Result<H*>, and hands it over through
// `out`.
template <class H, class Make>
pinnate_status open_handle(H** out, const char* name, const Make& make) noexcept {
  return guarded([&]() -> Status {
    if (Status s = required(out, name); !s.ok()) return s;
    *out = nullptr;
    if (Status s = runtime::hold_standard_descriptors(); !s.ok()) return s;
    Result<H*> made = make();
    if (made.ok()) *out = *made;
    return made.ok() ? Status() : made.status();
  });
}

Status listen(Handle& handle, const char* address, char* bound, std::size_t bound_size);
Status dial(Handle& handle, tier::Side side, const char* address);

}  // namespace pinnate::capi
