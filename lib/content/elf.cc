#include "content/elf.h"

#include <cstdint>

namespace pinnate::content {
namespace {

enum Width : std::uint8_t { bits32 = 1, bits64 = 2 };  // e_ident[EI_CLASS]
enum Order : std::uint8_t { little_end = 1, big_end = 2 };  // e_ident[EI_DATA]

struct Machine {
  std::uint16_t number;  // e_machine
  Width width;
  Order order;
  const char* name;
};

// The C library's <elf.h> knows only machines of its own age, so the numbers stand here.
constexpr Machine kMachines[] = {
    {62, bits64, little_end, "x86_64"},   {62, bits32, little_end, "x32"},
    {3, bits32, little_end, "i686"},      {183, bits64, little_end, "aarch64"},
    {183, bits64, big_end, "aarch64_be"}, {40, bits32, little_end, "armv7"},
    {40, bits32, big_end, "armeb"},       {243, bits64, little_end, "riscv64"},
    {243, bits32, little_end, "riscv32"}, {21, bits64, little_end, "ppc64le"},
    {21, bits64, big_end, "ppc64"},       {20, bits32, big_end, "ppc"},
    {22, bits64, big_end, "s390x"},       {8, bits32, little_end, "mipsel"},
    {8, bits32, big_end, "mips"},         {8, bits64, little_end, "mips64el"},
    {8, bits64, big_end, "mips64"},       {258, bits64, little_end, "loongarch64"},
};

}  // namespace

std::string elf_platform(std::string_view head) {
  if (head.size() < 20 || head.substr(0, 4) !=
                              "\x7f"
                              "ELF")
    return "";
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(head[i]); };
  const std::uint8_t width = byte(4), order = byte(5);
  if ((width != bits32 && width != bits64) || (order != little_end && order != big_end)) return "";
  const unsigned number = order == little_end ? byte(18) | byte(19) << 8 : byte(19) | byte(18) << 8;
  for (const Machine& m : kMachines)
    if (m.number == number && m.width == width && m.order == order) return std::string("linux-") + m.name;
  return "linux-machine-" + std::to_string(number);
}

}  // namespace pinnate::content
