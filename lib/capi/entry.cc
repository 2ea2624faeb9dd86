#include "capi/entry.h"

#include <cstdio>
#include <string>

namespace pinnate::capi {

Status usable_here(const OpenedHere* opened, const char* noun) {
  if (Status s = required(opened, noun); !s.ok()) return s;
  return opened->check();
}

void give_up(Handle* handle) noexcept {
  if (!handle) return;
  (void)guarded([&]() -> Status {
    if (handle->opened_here().check().ok()) handle->give_up();
    return {};
  });
}

void copy_error(pinnate_status status, char* error, std::size_t error_bytes) noexcept {
  if (error && error_bytes != 0) std::snprintf(error, error_bytes, "%s", status == PINNATE_OK ? "" : last_error());
}

Status listen(Handle& handle, const char* address, char* bound, std::size_t bound_size, pinnate_ticket* ticket) {
  if (Status s = required(address, "address"); !s.ok()) return s;
  std::string actual;
  const Status status = handle.on_loop([&]() -> Status {
    Result<std::string> listening = handle.node().listen(address, handle.new_ticket(ticket));
    if (listening.ok()) actual = std::move(*listening);
    return listening.status();
  });
  if (status.ok() && bound && bound_size != 0) std::snprintf(bound, bound_size, "%s", actual.c_str());
  return status;
}

Status dial(Handle& handle, tier::Side side, const char* address, pinnate_ticket* ticket) {
  if (Status s = required(address, "address"); !s.ok()) return s;
  return handle.dial(side, address, ticket);
}

}  // namespace pinnate::capi
