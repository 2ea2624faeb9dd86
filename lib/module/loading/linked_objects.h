// What the dynamic linker has in memory. Whoever compares two looks holds the LinkerLock.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pinnate::module {

struct LinkedObject {
  struct Range {
    std::uintptr_t from = 0, to = 0;
    bool code = false;
  };
  std::uintptr_t base = 0;
  std::string path;  // as the linker knows it
  std::vector<Range> ranges;

  bool contains(std::uintptr_t address) const;
  bool has_code_at(std::uintptr_t address) const;
  std::uint64_t bytes() const;
};

std::vector<LinkedObject> linked_objects();
// The one that dlopen gave this handle for.
LinkedObject linked_object(void* handle);
// It, or another at the same place and by the same name, is in memory.
bool is_linked(const LinkedObject& object);

// Where a soname is in memory already: the path, or "".
std::string linked_by_soname(const std::string& soname);

// What the process would find for a name before a module's own: the path of the object that has it,
// or "".
std::string found_in_process(const std::string& symbol);

}  // namespace pinnate::module
