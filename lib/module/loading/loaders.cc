#include "module/loading/loaders.h"

#include "base/names.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

namespace pinnate::module {

Loaders::Loaders(KeptImages::Owner engine) { by_kind_.emplace("native", native_loader(std::move(engine))); }

Status Loaders::add(const pinnate_loader& loader) {
  constexpr std::size_t kFirstVersion = offsetof(pinnate_loader, unload) + sizeof(loader.unload);
  if (loader.size < kFirstVersion)
    return {PINNATE_INVALID, "loader: size is " + std::to_string(loader.size) + "; set it to sizeof(pinnate_loader)"};
  Loader added;
  std::memcpy(&added.table, &loader, std::min(loader.size, sizeof added.table));
  if (!loader.kind) return {PINNATE_INVALID, "loader: kind is NULL"};
  if (Status s = check_loader_kind(loader.kind); !s.ok()) return s;
  const pinnate_loader& t = added.table;
  if (!t.load || !t.create || !t.call || !t.destroy || !t.unload)
    return {PINNATE_INVALID,
            std::string("loader '") + loader.kind + "': load, create, call, destroy and unload must be set"};
  added.kind = loader.kind;
  added.table.kind = nullptr;  // the author's string is not kept
  by_kind_.insert_or_assign(added.kind, added);
  return {};
}

std::set<std::string> Loaders::kinds() const {
  std::set<std::string> kinds;
  for (const auto& [kind, loader] : by_kind_) kinds.insert(kind);
  return kinds;
}

Result<Loader> Loaders::find(const std::string& kind) const {
  if (const auto it = by_kind_.find(kind); it != by_kind_.end()) return it->second;
  return {PINNATE_UNSUPPORTED, no_loader(kind, kinds())};
}

}  // namespace pinnate::module
