#include "content/elf.h"

#include <elf.h>
#include <link.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

// The header of the very object that this is linked into, by the linker: it tells what runs here.
extern "C" const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

namespace pinnate::content {
namespace {

enum Width : std::uint8_t { bits32 = 1, bits64 = 2 };  // e_ident[EI_CLASS]
enum Order : std::uint8_t { little_end = 1, big_end = 2 };  // e_ident[EI_DATA]

struct Machine {
  std::uint16_t number;  // e_machine
  Width width;
  Order order;
  const char* platform;
};

// The C library's <elf.h> knows only machines of its own age, so the numbers stand here.
constexpr Machine kMachines[] = {
    {62, bits64, little_end, "linux-x86_64"},   {62, bits32, little_end, "linux-x32"},
    {3, bits32, little_end, "linux-i686"},      {183, bits64, little_end, "linux-aarch64"},
    {183, bits64, big_end, "linux-aarch64_be"}, {40, bits32, little_end, "linux-armv7"},
    {40, bits32, big_end, "linux-armeb"},       {243, bits64, little_end, "linux-riscv64"},
    {243, bits32, little_end, "linux-riscv32"}, {21, bits64, little_end, "linux-ppc64le"},
    {21, bits64, big_end, "linux-ppc64"},       {20, bits32, big_end, "linux-ppc"},
    {22, bits64, big_end, "linux-s390x"},       {8, bits32, little_end, "linux-mipsel"},
    {8, bits32, big_end, "linux-mips"},         {8, bits64, little_end, "linux-mips64el"},
    {8, bits64, big_end, "linux-mips64"},       {258, bits64, little_end, "linux-loongarch64"},
};

// Null: a machine without a name here.
const char* platform_of(unsigned number, unsigned width, unsigned order, std::uint32_t flags) {
  constexpr std::uint32_t kSoftFloat = 0x200;  // EF_ARM_ABI_FLOAT_SOFT: another calling convention
  if (number == 40 && width == bits32 && order == little_end && (flags & kSoftFloat)) return "linux-armel";
  for (const Machine& m : kMachines)
    if (m.number == number && m.width == width && m.order == order) return m.platform;
  return nullptr;
}

}  // namespace

std::string elf_platform(std::string_view head) {
  if (head.size() < 20 || !head.starts_with(ELFMAG)) return "";
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(head[i]); };
  const std::uint8_t width = byte(4), order = byte(5);
  if ((width != bits32 && width != bits64) || (order != little_end && order != big_end)) return "";
  const unsigned number = order == little_end ? byte(18) | byte(19) << 8 : byte(19) | byte(18) << 8;
  std::uint32_t flags = 0;
  if (width == bits32 && head.size() >= 40)
    for (std::size_t i = 0; i < 4; ++i) flags = flags << 8 | byte(order == little_end ? 39 - i : 36 + i);
  const char* const platform = platform_of(number, width, order, flags);
  return platform ? platform : "linux-machine-" + std::to_string(number);
}

bool is_elf_platform(std::string_view name) {
  return name == "linux-armel" || std::any_of(std::begin(kMachines), std::end(kMachines),
                                              [&](const Machine& m) { return name == m.platform; });
}

const char* own_platform() {
  const char* const platform = platform_of(__ehdr_start.e_machine, __ehdr_start.e_ident[EI_CLASS],
                                           __ehdr_start.e_ident[EI_DATA], __ehdr_start.e_flags);
  return platform ? platform : "linux-unknown";
}

}  // namespace pinnate::content
