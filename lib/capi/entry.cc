#include "capi/entry.h"

#include <cstdio>
#include <string>

namespace pinnate::capi {

void give_up(Handle* handle) noexcept {
  if (!handle) return;
  (void)guarded([&]() -> Status {
    handle->give_up();
    return {};
  });
}

Status listen(Handle& handle, const char* address, char* bound, std::size_t bound_size) {
  if (Status s = required(address, "address"); !s.ok()) return s;
  std::string actual;
  const Status status = handle.on_loop([&]() -> Status {
    Result<std::string> listening = handle.node().listen(address);
    if (listening.ok()) actual = std::move(*listening);
    return listening.status();
  });
  if (status.ok() && bound && bound_size != 0) std::snprintf(bound, bound_size, "%s", actual.c_str());
  return status;
}

Status dial(Handle& handle, tier::Side side, const char* address) {
  if (Status s = required(address, "address"); !s.ok()) return s;
  return handle.on_loop([&] { return handle.node().keep_link(side, address); });
}

}  // namespace pinnate::capi
