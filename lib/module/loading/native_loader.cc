#include "module/loading/loaders.h"
#include "module/loading/native_module.h"

#include <memory>
#include <utility>

namespace pinnate::module {
namespace {

const pinnate_descriptor& of(void* module) { return static_cast<NativeModule*>(module)->descriptor(); }

int create(void* module, const pinnate_host* host, const void* config, std::size_t config_bytes, void** service,
           char* error, std::size_t error_bytes) {
  return of(module).create(host, config, config_bytes, service, error, error_bytes);
}

void call(void* module, void* service, pinnate_reply* reply, const void* payload, std::size_t payload_bytes) {
  of(module).call(service, reply, payload, payload_bytes);
}

int check_health(void* module, void* service, char* error, std::size_t error_bytes) {
  const auto check = of(module).check_health;
  return check ? check(service, error, error_bytes) : 0;
}

void destroy(void* module, void* service) { of(module).destroy(service); }

}  // namespace

Loader native_loader(KeptImages::Owner engine) {
  Loader loader;
  loader.kind = "native";
  loader.table = {sizeof(pinnate_loader), nullptr,  0,      nullptr, nullptr, &create, &call,
                  &check_health,          &destroy, nullptr};
  loader.native = true;
  loader.engine = std::move(engine);
  return loader;
}

}  // namespace pinnate::module
