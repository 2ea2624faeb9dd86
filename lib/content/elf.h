// Which platform a shared object is for, by its own first bytes.
#pragma once

#include <string>
#include <string_view>

namespace pinnate::content {

// "linux-x86_64", "linux-aarch64", "linux-armv7", "linux-riscv64", "linux-i686", ... from an ELF
// header, of which the first 40 bytes tell all; "linux-machine-N" for a machine without a name
// here. "" when it is not ELF.
std::string elf_platform(std::string_view head);

// A name that elf_platform has for some machine.
bool is_elf_platform(std::string_view name);

// The one that this runs on.
const char* own_platform();

}  // namespace pinnate::content
