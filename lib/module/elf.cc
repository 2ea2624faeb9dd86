#include "module/elf.h"

#include <elf.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>

namespace pinnate::module {
namespace {

struct Machine {
  unsigned number;
  const char *name32, *name64;
};
constexpr Machine kMachines[] = {
    {EM_X86_64, "x32", "x86_64"},
    {EM_386, "i386", "i386"},
    {EM_ARM, "arm", "arm"},
    {EM_AARCH64, "aarch64", "aarch64"},
    {EM_RISCV, "riscv32", "riscv64"},
    {EM_PPC64, "ppc64", "ppc64"},
    {EM_PPC, "ppc", "ppc"},
    {EM_S390, "s390", "s390x"},
    {EM_MIPS, "mips", "mips64"},
    {258, "loongarch32", "loongarch64"},
    {EM_SPARCV9, "sparc64", "sparc64"},
};

constexpr unsigned kOwnMachine =
#if defined(__x86_64__)
    EM_X86_64;
#elif defined(__i386__)
    EM_386;
#elif defined(__aarch64__)
    EM_AARCH64;
#elif defined(__arm__)
    EM_ARM;
#elif defined(__riscv)
    EM_RISCV;
#elif defined(__powerpc64__)
    EM_PPC64;
#elif defined(__s390x__)
    EM_S390;
#elif defined(__mips__)
    EM_MIPS;
#elif defined(__loongarch__)
    258;
#else
    EM_NONE;  // unknown here: the machine is not checked
#endif
constexpr unsigned kOwnClass = sizeof(void*) == 8 ? ELFCLASS64 : ELFCLASS32;
constexpr unsigned kOwnOrder = std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;

std::string platform(unsigned machine, unsigned elf_class, unsigned order) {
  for (const Machine& m : kMachines) {
    if (m.number != machine) continue;
    std::string name = std::string("linux-") + (elf_class == ELFCLASS64 ? m.name64 : m.name32);
    if (machine == EM_PPC64 && order == ELFDATA2LSB) name += "le";
    return name;
  }
  return "machine " + std::to_string(machine);
}

const char* type_name(unsigned type) {
  if (type == ET_REL) return "an object file that was not linked";
  if (type == ET_EXEC) return "a program";
  if (type == ET_CORE) return "a core dump";
  return "another kind of ELF file";
}

using Header = std::conditional_t<sizeof(void*) == 8, Elf64_Ehdr, Elf32_Ehdr>;
using Segment = std::conditional_t<sizeof(void*) == 8, Elf64_Phdr, Elf32_Phdr>;

}  // namespace

Status check_shared_object(std::string_view bytes) {
  if (bytes.size() < 20 || std::memcmp(bytes.data(), ELFMAG, SELFMAG) != 0)
    return {PINNATE_INVALID, "not a shared object (no ELF header)"};
  const unsigned elf_class = static_cast<unsigned char>(bytes[EI_CLASS]);
  const unsigned order = static_cast<unsigned char>(bytes[EI_DATA]);
  const auto half = [&](std::size_t at) {  // in the file's byte order: it may not be ours
    const unsigned a = static_cast<unsigned char>(bytes[at]), b = static_cast<unsigned char>(bytes[at + 1]);
    return order == ELFDATA2MSB ? a << 8 | b : b << 8 | a;
  };
  const unsigned type = half(16), machine = half(18);
  if (elf_class != kOwnClass || order != kOwnOrder || (kOwnMachine != EM_NONE && machine != kOwnMachine)) {
    const std::string theirs = platform(machine, elf_class, order), ours = platform(kOwnMachine, kOwnClass, kOwnOrder);
    return {PINNATE_INCOMPATIBLE, "a shared object for " +
                                      (theirs == ours ? theirs + " of another word size or byte order" : theirs) +
                                      "; this engine is " + ours};
  }
  if (type != ET_DYN) return {PINNATE_INVALID, std::string("not a shared object (it is ") + type_name(type) + ")"};

  const Status cut{PINNATE_INVALID, "not a whole shared object (the file is cut short)"};
  Header header;
  if (bytes.size() < sizeof header) return cut;
  std::memcpy(&header, bytes.data(), sizeof header);
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

}  // namespace pinnate::module
