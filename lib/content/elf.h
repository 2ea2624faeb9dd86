// Which platform a shared object is for, by its own first bytes.
#pragma once

#include "base/status.h"

#include <string>
#include <string_view>

namespace pinnate::content {

// "linux-x86_64", "linux-aarch64", "linux-armv7", "linux-riscv64", "linux-i686", ... from an ELF
// header, of which the first 20 bytes suffice; "linux-machine-N" for a machine without a name here.
// "" when it is not ELF.
std::string elf_platform(std::string_view head);

// The one that this runs on.
const char* own_platform();

// OK, or PINNATE_INVALID (no whole shared object) or PINNATE_INCOMPATIBLE (not for the platform
// that this runs on), in words. The dynamic linker's own would not name the platform, and a file
// cut short would raise SIGBUS inside it.
Status check_shared_object(std::string_view bytes);

}  // namespace pinnate::content
