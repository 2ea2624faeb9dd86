// What a shared object says of itself: its ELF headers, dynamic section and dynamic symbols, read
// from its bytes. Nothing is loaded, and the object may be for another machine than this one.
#pragma once

#include "base/status.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pinnate::content {

// The bytes of a file, wherever they are.
struct ObjectBytes {
  std::uint64_t size_bytes = 0;
  // Exactly those bytes, all inside the file. `room` is where they may be put; it outlives the view.
  std::function<Result<std::string_view>(std::uint64_t offset, std::size_t bytes, std::string* room)> read;

  static ObjectBytes in_memory(std::string_view bytes);
};

struct SharedObject {
  struct Export {
    std::string_view name;
    bool weak = false;
    bool unique = false;  // STB_GNU_UNIQUE: one in the process, whoever loads it
    bool by_name = false;  // the object itself finds it by its name, so another's may be found instead
  };
  // What its pinnate_module says, as far as every version has it.
  struct Descriptor {
    std::uint64_t size_bytes = 0;
    std::uint32_t abi = 0, flags = 0;
  };

  std::string platform;  // as elf_platform
  std::string soname, run_path;  // DT_RUNPATH, or DT_RPATH
  std::vector<std::string> needed;
  std::vector<std::pair<std::string, std::string>> needed_versions;  // a library, a version of its symbols
  bool exports_descriptor = false;
  std::optional<Descriptor> descriptor;  // none: its bytes are not in the file
  std::vector<Export> exports;  // all but pinnate_module and what linkers define
  std::vector<std::string_view> imports;  // sorted
  bool stays = false;  // DF_1_NODELETE
  bool static_tls = false;  // DF_STATIC_TLS: by the initial-exec model
  bool text_relocations = false;
  bool executable_stack = false;
  std::uint64_t tls_bytes = 0;
  std::uint64_t address_bytes = 8;
  std::shared_ptr<const std::string> names;  // of the symbols: what the views above show

  bool needs(std::string_view library_prefix) const;  // "libasan.so" for libasan.so.8
  bool imports_symbol(std::string_view symbol) const;
  bool imports_prefix(std::string_view prefix) const;  // of a symbol
  // The newest symbol version of the GNU C library that it needs, as in "2.34"; "" without any.
  std::string glibc_version() const;
  bool for_musl() const;
};

// PINNATE_INVALID: not a whole shared object, in words.
Result<SharedObject> read_shared_object(const ObjectBytes& bytes);

// Compares "2.9" and "2.34" as versions.
bool older_version(std::string_view a, std::string_view b);

}  // namespace pinnate::content
