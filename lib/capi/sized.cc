#include "capi/sized.h"

#include <algorithm>

namespace pinnate::capi {

Result<std::size_t> stated_size(const void* given, const std::string& name) {
  std::size_t size;
  std::memcpy(&size, given, sizeof size);
  if (size < sizeof size || size > kLargestStruct)
    return {PINNATE_INVALID,
            name + ".size is " + std::to_string(size) + ": set it to sizeof the struct (PINNATE_..._INIT does)"};
  return size;
}

Status copy_known(const void* given, std::size_t given_bytes, void* known, std::size_t known_bytes,
                  const std::string& name) {
  std::memcpy(known, given, std::min(given_bytes, known_bytes));
  const char* const bytes = static_cast<const char*>(given);
  for (std::size_t i = known_bytes; i < given_bytes; i++)
    if (bytes[i] != 0)
      return {PINNATE_INVALID, name + " sets a field that this library (" + pinnate_version() + ") does not know"};
  return {};
}

}  // namespace pinnate::capi
