#include "loaders.h"

#include "clock.h"

#include <cstdlib>
#include <cstring>

namespace bench {
namespace {

int no_service(void*, const pinnate_host* host, const void*, size_t, void** service, char*, size_t) {
  *service = const_cast<pinnate_host*>(host);
  return 0;
}

void nothing(void*, void*) {}
void nothing(void*) {}

const pinnate_host& host_of(void* service) { return *static_cast<const pinnate_host*>(service); }

}  // namespace

pinnate_loader arrival_loader(Arrival* arrival) {
  pinnate_loader loader{};
  loader.size = sizeof loader;
  loader.kind = "bytes";
  loader.flags = PINNATE_CALLS_MAY_OVERLAP;
  loader.self = arrival;
  loader.load = [](void* self, const pinnate_image* image, void** module, char*, size_t) {
    const std::int64_t now = now_ns();
    auto* const to = static_cast<Arrival*>(self);
    const char* const last = std::strrchr(image->version, '.');
    if (last && std::atoll(last + 1) == to->expected_release.load()) to->verified_ns.store(now);
    *module = self;
    return 0;
  };
  loader.create = no_service;
  loader.call = [](void*, void* service, pinnate_reply* reply, const void*, size_t) {
    host_of(service).answer(reply, nullptr, 0);
  };
  loader.destroy = nothing;
  loader.unload = nothing;
  return loader;
}

pinnate_loader echo_loader() {
  pinnate_loader loader{};
  loader.size = sizeof loader;
  loader.kind = "echo";
  loader.flags = PINNATE_CALLS_MAY_OVERLAP;
  loader.load = [](void*, const pinnate_image*, void** module, char*, size_t) {
    *module = nullptr;
    return 0;
  };
  loader.create = no_service;
  loader.call = [](void*, void* service, pinnate_reply* reply, const void* payload, size_t bytes) {
    host_of(service).answer(reply, payload, bytes);
  };
  loader.destroy = nothing;
  loader.unload = nothing;
  return loader;
}

pinnate_loader inline_echo_loader() {
  pinnate_loader loader = echo_loader();
  loader.kind = "inline";
  loader.flags |= PINNATE_CALLS_INLINE;
  return loader;
}

}  // namespace bench
