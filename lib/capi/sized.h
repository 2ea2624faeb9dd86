// Structs of a host that was compiled against an older or a newer header: what it did not know is
// zero, and what this library does not know must be zero.
#pragma once

#include "base/status.h"

#include <pinnate/common.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>
#include <type_traits>

namespace pinnate::capi {

// No struct of the ABI comes near: a larger size was never set.
inline constexpr std::size_t kLargestStruct = 4096;

// The `size` that the struct at `given` begins with. PINNATE_INVALID when it cannot be one.
Result<std::size_t> stated_size(const void* given, const std::string& name);

// Copies what both sides know of `given`, which is given_bytes long, to `known`. PINNATE_INVALID
// when the rest is not zero.
Status copy_known(const void* given, std::size_t given_bytes, void* known, std::size_t known_bytes,
                  const std::string& name);

// The number in an enum that a host has set. In C it may be any int, while in C++ reading one
// outside the enum's range as the enum is undefined: it is looked at as an integer first.
template <class Enum>
long number_in(const Enum& given) {
  static_assert(std::is_enum_v<Enum> && sizeof given == sizeof(int));
  int number;
  std::memcpy(&number, &given, sizeof number);
  return number;
}

// How much of a struct of the host's, or of none, there is to fill.
template <class Struct>
Result<std::size_t> room_in(const Struct* given, const std::string& name) {
  return given ? stated_size(given, name) : Result<std::size_t>(std::size_t{0});
}

// Fills as much of it, if there is one, and says how much that is.
template <class Struct>
void fill_sized(Struct known, std::size_t room, Struct* given) {
  if (!given) return;
  known.size = std::min(room, sizeof known);
  std::memcpy(static_cast<void*>(given), &known, known.size);
}

// A copy of a struct that begins with its size. `name` is for the words, as the host calls it.
template <class Struct>
Result<Struct> read_sized(const Struct* given, const std::string& name) {
  if (!given) return {PINNATE_INVALID, name + " is NULL"};
  const Result<std::size_t> size = stated_size(given, name);
  if (!size.ok()) return size.status();
  Struct known{};
  if (Status s = copy_known(given, *size, &known, sizeof known, name); !s.ok()) return s;
  known.size = sizeof known;
  return known;
}

// The same for the options of a handle, whose second field is a sized pinnate_tier_options `tier`.
// Where the fields behind it begin depends on how large the host's own is.
template <class Options>
Result<Options> read_options(const Options* given) {
  const std::string name = "options";
  if (!given) return {PINNATE_INVALID, name + " is NULL"};
  const Result<std::size_t> size = stated_size(given, name);
  if (!size.ok()) return size.status();
  Options known{};
  known.size = sizeof known;
  constexpr std::size_t before = offsetof(Options, tier), behind = before + sizeof(pinnate_tier_options);
  const char* const at = reinterpret_cast<const char*>(given) + before;
  if (*size < before + sizeof(std::size_t)) {
    known.tier.size = sizeof known.tier;
    return known;
  }
  Result<std::size_t> inner = stated_size(at, name + ".tier");
  if (!inner.ok()) return inner.status();
  if (*inner % alignof(Options) != 0)
    return {PINNATE_INVALID, name + ".tier.size is " + std::to_string(*inner) + ": no struct has that size"};
  if (*inner > *size - before) *inner = *size - before;
  if (Status s = copy_known(at, *inner, &known.tier, sizeof known.tier, name + ".tier"); !s.ok()) return s;
  known.tier.size = sizeof known.tier;
  if (Status s = copy_known(at + *inner, *size - before - *inner, reinterpret_cast<char*>(&known) + behind,
                            sizeof known - behind, name);
      !s.ok())
    return s;
  return known;
}

}  // namespace pinnate::capi
