#include "content/elf.h"

#include <elf.h>
#include <link.h>

#include <cstdint>
#include <cstring>

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

const char* type_name(unsigned type) {
  if (type == ET_REL) return "an object file that was not linked";
  if (type == ET_EXEC) return "a program";
  if (type == ET_CORE) return "a core dump";
  return "another kind of ELF file";
}

// Null: a machine without a name here.
const char* platform_of(unsigned number, unsigned width, unsigned order) {
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
  const char* const platform = platform_of(number, width, order);
  return platform ? platform : "linux-machine-" + std::to_string(number);
}

const char* own_platform() {
  const char* const platform =
      platform_of(__ehdr_start.e_machine, __ehdr_start.e_ident[EI_CLASS], __ehdr_start.e_ident[EI_DATA]);
  return platform ? platform : "linux-unknown";
}

Status check_shared_object(std::string_view bytes) {
  const std::string theirs = elf_platform(bytes), ours = own_platform();
  if (theirs.empty()) return {PINNATE_INVALID, "not a shared object (no ELF header)"};
  if (theirs != ours) return {PINNATE_INCOMPATIBLE, "a shared object for " + theirs + "; this engine is " + ours};

  const Status cut{PINNATE_INVALID, "not a whole shared object (the file is cut short)"};
  ElfW(Ehdr) header;
  if (bytes.size() < sizeof header) return cut;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.e_type != ET_DYN)
    return {PINNATE_INVALID, std::string("not a shared object (it is ") + type_name(header.e_type) + ")"};
  using Segment = ElfW(Phdr);
  if (header.e_phentsize != sizeof(Segment) || header.e_phnum == 0)
    return {PINNATE_INVALID, "not a shared object (no program headers)"};
  if (header.e_phoff > bytes.size() || bytes.size() - header.e_phoff < std::size_t{header.e_phnum} * sizeof(Segment))
    return cut;
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Segment segment;
    std::memcpy(&segment, bytes.data() + header.e_phoff + i * sizeof segment, sizeof segment);
    if (segment.p_type != PT_LOAD && segment.p_type != PT_DYNAMIC) continue;
    if (segment.p_offset > bytes.size() || bytes.size() - segment.p_offset < segment.p_filesz) return cut;
  }
  return {};
}

}  // namespace pinnate::content
