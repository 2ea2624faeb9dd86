#include "content/elf.h"
#include "module/loading/loaders.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pinnate::module {
namespace {

struct NativeModule {
  void* object = nullptr;
  const pinnate_descriptor* descriptor = nullptr;
  // Our own descriptor of the image. It stays open until dlclose, so that no other file gets the
  // path under which glibc knows this object.
  int fd = -1;

  ~NativeModule() {
    if (object) dlclose(object);
    if (fd >= 0) close(fd);
  }
};

int refuse(const Status& why, char* error, std::size_t error_bytes) {
  std::snprintf(error, error_bytes, "%s", why.message().c_str());
  return why.code();
}

// dlerror's words without the path of the image, which says nothing to anybody.
std::string linker_words(const std::string& path) {
  const char* said = dlerror();
  std::string_view words = said ? said : "the dynamic linker gave no reason";
  const std::string prefix = path + ": ";
  if (words.substr(0, prefix.size()) == prefix) words.remove_prefix(prefix.size());
  return std::string(words);
}

bool name_is_loaded(const std::string& path) {
  void* known = dlopen(path.c_str(), RTLD_LAZY | RTLD_NOLOAD);
  dlerror();
  if (known) dlclose(known);
  return known != nullptr;
}

// A path that the dynamic linker has not seen. An object that stayed although it was closed (built
// without -fno-gnu-unique, with -z nodelete, or with thread_local objects of a living thread) is
// still known by the number that its descriptor had, and would be returned in place of this one.
Status open_unseen_path(const pinnate_image& image, int& fd, std::string& path) {
  std::vector<int> seen;
  path = image.fd_path;
  const bool by_number = path.rfind("/proc/self/fd/", 0) == 0;
  Status status;
  while (by_number || fd < 0) {
    fd = fcntl(image.fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
      status = {PINNATE_IO, "cannot duplicate the descriptor of its memory file (are too many files open?)"};
      break;
    }
    if (by_number) path = "/proc/self/fd/" + std::to_string(fd);
    if (!name_is_loaded(path)) break;
    seen.push_back(fd);
    fd = -1;
    if (!by_number) {
      status = {PINNATE_INTERNAL, "a library is already loaded from " + path};
      break;
    }
  }
  for (int number : seen) close(number);
  return status;
}

Status check_descriptor(const pinnate_descriptor& d) {
  constexpr std::size_t kFirstVersion = offsetof(pinnate_descriptor, destroy) + sizeof(d.destroy);
  // `size` and `abi` stay where they are in every version; what follows may not.
  if (d.abi != PINNATE_MODULE_ABI)
    return {PINNATE_INCOMPATIBLE,
            "made for module ABI " + std::to_string(d.abi) + "; this engine speaks " +
                std::to_string(PINNATE_MODULE_ABI) +
                (d.abi > PINNATE_MODULE_ABI ? " (update the engine)" : " (build the module anew)")};
  if (d.size < kFirstVersion)
    return {PINNATE_INVALID, "its pinnate_module has " + std::to_string(d.size) + " bytes, fewer than ABI " +
                                 std::to_string(d.abi) + " needs (" + std::to_string(kFirstVersion) +
                                 "); set size to sizeof(pinnate_descriptor)"};
  if (!d.create || !d.call || !d.destroy)
    return {PINNATE_INVALID, "its pinnate_module leaves create, call or destroy NULL"};
  return {};
}

int load(void*, const pinnate_image* image, void** result, char* error, std::size_t error_bytes) {
  const std::string_view bytes(static_cast<const char*>(image->data), image->size_bytes);
  if (const Status s = content::check_shared_object(bytes); !s.ok()) return refuse(s, error, error_bytes);
  auto loaded = std::make_unique<NativeModule>();
  std::string path;
  if (const Status s = open_unseen_path(*image, loaded->fd, path); !s.ok()) return refuse(s, error, error_bytes);

  loaded->object = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!loaded->object)
    return refuse({PINNATE_FAILED, "the dynamic linker refused it: " + linker_words(path)}, error, error_bytes);
  loaded->descriptor = static_cast<const pinnate_descriptor*>(dlsym(loaded->object, "pinnate_module"));
  if (!loaded->descriptor) {
    dlerror();
    return refuse({PINNATE_INVALID, "not a module: it does not export 'pinnate_module' (see pinnate/module.h)"}, error,
                  error_bytes);
  }
  if (const Status s = check_descriptor(*loaded->descriptor); !s.ok()) return refuse(s, error, error_bytes);
  *result = loaded.release();
  return PINNATE_OK;
}

const pinnate_descriptor& of(void* module) { return *static_cast<NativeModule*>(module)->descriptor; }

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

void unload(void* module) { delete static_cast<NativeModule*>(module); }

std::uint32_t module_flags(void* module) { return of(module).flags; }

}  // namespace

Loader native_loader() {
  Loader loader;
  loader.kind = "native";
  loader.table = {sizeof(pinnate_loader), nullptr, 0, nullptr, &load, &create, &call, &check_health, &destroy, &unload};
  loader.load_returns_status = true;
  loader.uses_linker = true;
  loader.module_flags = &module_flags;
  return loader;
}

}  // namespace pinnate::module
