#include "module/loading/linked_objects.h"

#include <dlfcn.h>
#include <link.h>

#include <algorithm>

namespace pinnate::module {
namespace {

// The program's own scope: it, what it is linked to, what was preloaded or made global. It is never
// unloaded, so its handle need not be closed.
void* program() {
  static void* const scope = dlopen(nullptr, RTLD_LAZY);
  return scope;
}

const char* soname_of(const link_map& map) {
  const char* names = nullptr;
  ElfW(Addr) at = 0;
  bool has = false;
  for (const ElfW(Dyn)* d = map.l_ld; d && d->d_tag != DT_NULL; ++d) {
    if (d->d_tag == DT_STRTAB) names = reinterpret_cast<const char*>(d->d_un.d_ptr);
    if (d->d_tag == DT_SONAME) at = d->d_un.d_val, has = true;
  }
  // glibc relocates d_ptr of what it has loaded; the kernel's own object is left as it was.
  return has && names && reinterpret_cast<std::uintptr_t>(names) >= map.l_addr ? names + at : nullptr;
}

}  // namespace

bool LinkedObject::contains(std::uintptr_t address) const {
  return std::any_of(ranges.begin(), ranges.end(), [&](const Range& r) { return address >= r.from && address < r.to; });
}

bool LinkedObject::has_code_at(std::uintptr_t address) const {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const Range& r) { return r.code && address >= r.from && address < r.to; });
}

std::uint64_t LinkedObject::bytes() const {
  std::uint64_t sum = 0;
  for (const Range& r : ranges) sum += r.to - r.from;
  return sum;
}

std::vector<LinkedObject> linked_objects() {
  std::vector<LinkedObject> objects;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* to) {
        LinkedObject object;
        object.base = info->dlpi_addr;
        object.path = info->dlpi_name ? info->dlpi_name : "";
        for (unsigned i = 0; i < info->dlpi_phnum; ++i) {
          const auto& segment = info->dlpi_phdr[i];
          if (segment.p_type != PT_LOAD) continue;
          constexpr std::uintptr_t kPage = 4096;
          const std::uintptr_t from = (info->dlpi_addr + segment.p_vaddr) & ~(kPage - 1);
          const std::uintptr_t to_address = info->dlpi_addr + segment.p_vaddr + segment.p_memsz;
          object.ranges.push_back({from, (to_address + kPage - 1) & ~(kPage - 1), (segment.p_flags & PF_X) != 0});
        }
        static_cast<std::vector<LinkedObject>*>(to)->push_back(std::move(object));
        return 0;
      },
      &objects);
  return objects;
}

LinkedObject linked_object(void* handle) {
  const link_map* map = nullptr;
  if (dlinfo(handle, RTLD_DI_LINKMAP, &map) != 0 || !map) return {};
  for (LinkedObject& object : linked_objects())
    if (object.base == map->l_addr && object.path == map->l_name) return std::move(object);
  return {};
}

bool is_linked(const LinkedObject& object) {
  const auto all = linked_objects();
  return std::any_of(all.begin(), all.end(),
                     [&](const auto& each) { return each.base == object.base && each.path == object.path; });
}

std::string linked_by_soname(const std::string& soname) {
  const link_map* map = nullptr;
  if (!program() || dlinfo(program(), RTLD_DI_LINKMAP, &map) != 0) return {};
  for (; map; map = map->l_next) {
    const char* const name = soname_of(*map);
    if (name && soname == name) return map->l_name;
  }
  return {};
}

std::string found_in_process(const std::string& symbol) {
  void* const at = program() ? dlsym(program(), symbol.c_str()) : nullptr;
  dlerror();
  Dl_info info{};
  if (!at || dladdr(at, &info) == 0) return {};
  return info.dli_fname ? info.dli_fname : "the program";
}

}  // namespace pinnate::module
