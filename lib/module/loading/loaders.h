// The loaders of one engine, by kind: the built-in one and those of the host, which take one path.
#pragma once

#include <pinnate/loader.h>

#include "base/status.h"

#include <cstdint>
#include <map>
#include <string>

namespace pinnate::module {

// A pinnate_loader, copied from whatever size its author knew.
struct Loader {
  std::string kind;
  pinnate_loader table{};
  // What pinnate_loader has no room for; only the built-in loader uses them.
  bool load_returns_status = false;  // load's result is a pinnate_status
  bool uses_linker = false;  // in load and unload
  std::uint32_t (*module_flags)(void* module) = nullptr;  // besides the loader's own
};

// The built-in one: shared objects that export `pinnate_module`, loaded by dlopen (RTLD_LOCAL |
// RTLD_NOW) from the image.
Loader native_loader();

class Loaders {
 public:
  Loaders();  // has "native"
  Status add(const pinnate_loader& loader);  // replaces one of the same kind
  Result<Loader> find(const std::string& kind) const;

 private:
  std::map<std::string, Loader> by_kind_;
};

}  // namespace pinnate::module
