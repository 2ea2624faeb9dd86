// The loaders of one engine, by kind: the built-in one and those of the host, which take one path.
#pragma once

#include <pinnate/loader.h>

#include "base/status.h"
#include "module/loading/kept_images.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace pinnate::module {

// A pinnate_loader, copied from whatever size its author knew.
struct Loader {
  std::string kind;
  pinnate_loader table{};
  // The built-in one is asked by NativeModule::load for what pinnate_loader has no room for, and
  // has neither table.load nor table.unload.
  bool native = false;
  KeptImages::Owner engine;
};

// The built-in one: shared objects that export `pinnate_module`, loaded by dlopen (RTLD_LOCAL |
// RTLD_NOW) from the image.
Loader native_loader(KeptImages::Owner engine);

class Loaders {
 public:
  // Has "native".
  explicit Loaders(KeptImages::Owner engine = std::make_shared<const KeptLimits>());
  Status add(const pinnate_loader& loader);  // replaces one of the same kind
  Result<Loader> find(const std::string& kind) const;
  std::set<std::string> kinds() const;

 private:
  std::map<std::string, Loader> by_kind_;
};

}  // namespace pinnate::module
