#include "content/shared_object.h"

#include "content/elf.h"

#include <elf.h>

#include <algorithm>
#include <charconv>
#include <map>

#ifndef DF_1_NODELETE
#define DF_1_NODELETE 0x8
#endif

namespace pinnate::content {
namespace {

// More than the largest objects have; what claims more is not read.
constexpr std::uint64_t kMostTableBytes = 256 * 1024 * 1024;
constexpr std::uint64_t kMostEntries = 4 * 1024 * 1024;

Status cut_short() { return {PINNATE_INVALID, "not a whole shared object (the file is cut short)"}; }
Status malformed(const char* what) { return {PINNATE_INVALID, std::string("a malformed shared object: ") + what}; }

const char* type_name(std::uint64_t type) {
  if (type == ET_REL) return "an object file that was not linked";
  if (type == ET_EXEC) return "a program";
  if (type == ET_CORE) return "a core dump";
  return "another kind of ELF file";
}

// Fields of either width and byte order. Whoever reads one has seen that it is inside.
struct Fields {
  std::string_view bytes;
  bool wide = true, big = false;

  std::uint64_t number(std::size_t at, std::size_t width) const {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < width; ++i)
      value = value << 8 | static_cast<unsigned char>(bytes[at + (big ? i : width - 1 - i)]);
    return value;
  }
  std::uint16_t half(std::size_t at) const { return static_cast<std::uint16_t>(number(at, 2)); }
  std::uint32_t word(std::size_t at) const { return static_cast<std::uint32_t>(number(at, 4)); }
  std::uint64_t address(std::size_t at32, std::size_t at64) const { return wide ? number(at64, 8) : number(at32, 4); }
};

class Reader {
 public:
  explicit Reader(const ObjectBytes& bytes) : bytes_(bytes) {}
  Result<SharedObject> read();

 private:
  struct Segment {
    std::uint64_t offset = 0, address = 0, file_bytes = 0;
  };
  struct Table {  // keeps what it shows
    Fields fields;
    std::string room;
  };

  Status header();
  Status segments(std::uint64_t offset, unsigned count, unsigned entry_bytes);
  Status dynamic();
  Status symbols();
  Status relocations();
  Status needed_versions();
  void read_descriptor(std::uint64_t address);

  Status take(std::uint64_t offset, std::uint64_t bytes, Table* table);
  Status take_at(std::uint64_t address, std::uint64_t bytes, Table* table);
  // What of its segment follows an address; 0: it is in none.
  std::uint64_t bytes_from(std::uint64_t address, std::uint64_t* offset) const;
  Result<std::uint64_t> symbol_count();
  std::string_view name(std::uint64_t at) const;
  std::uint64_t tag(std::uint64_t tag) const {
    const auto found = tags_.find(tag);
    return found == tags_.end() ? 0 : found->second;
  }

  const ObjectBytes& bytes_;
  bool wide_ = true, big_ = false;
  std::uint16_t machine_ = 0;
  SharedObject object_;
  std::vector<Segment> loaded_;
  Segment dynamic_;
  std::map<std::uint64_t, std::uint64_t> tags_;  // but DT_NEEDED, which there are many of
  std::vector<std::uint64_t> needed_;
  std::vector<std::uint32_t> export_symbols_;  // the number of each of object_.exports
};

Status Reader::take(std::uint64_t offset, std::uint64_t bytes, Table* table) {
  if (bytes > kMostTableBytes) return malformed("one of its tables is too large");
  if (offset > bytes_.size_bytes || bytes_.size_bytes - offset < bytes) return cut_short();
  const auto read = bytes_.read(offset, static_cast<std::size_t>(bytes), &table->room);
  if (!read.ok()) return read.status();
  table->fields = {*read, wide_, big_};
  return {};
}

std::uint64_t Reader::bytes_from(std::uint64_t address, std::uint64_t* offset) const {
  for (const Segment& s : loaded_)
    if (address >= s.address && address - s.address < s.file_bytes) {
      *offset = s.offset + (address - s.address);
      return s.file_bytes - (address - s.address);
    }
  return 0;
}

Status Reader::take_at(std::uint64_t address, std::uint64_t bytes, Table* table) {
  std::uint64_t offset = 0;
  if (bytes_from(address, &offset) < bytes) return malformed("one of its tables is outside of its segments");
  return take(offset, bytes, table);
}

std::string_view Reader::name(std::uint64_t at) const {
  const std::string_view all = *object_.names;
  if (at >= all.size()) return {};
  return all.substr(at, all.find('\0', at) - at);
}

Status Reader::header() {
  Table head;
  if (Status s = take(0, std::min<std::uint64_t>(bytes_.size_bytes, sizeof(Elf64_Ehdr)), &head); !s.ok()) return s;
  object_.platform = elf_platform(head.fields.bytes);
  if (object_.platform.empty()) return {PINNATE_INVALID, "not a shared object (no ELF header)"};
  wide_ = head.fields.bytes[EI_CLASS] == ELFCLASS64;
  big_ = head.fields.bytes[EI_DATA] == ELFDATA2MSB;
  const Fields f{head.fields.bytes, wide_, big_};
  if (f.bytes.size() < (wide_ ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr))) return cut_short();
  machine_ = f.half(18);
  object_.address_bytes = wide_ ? 8 : 4;
  if (f.half(16) != ET_DYN)
    return {PINNATE_INVALID, std::string("not a shared object (it is ") + type_name(f.half(16)) + ")"};
  return segments(f.address(28, 32), f.half(wide_ ? 56 : 44), f.half(wide_ ? 54 : 42));
}

Status Reader::segments(std::uint64_t offset, unsigned count, unsigned entry_bytes) {
  if (entry_bytes != (wide_ ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)) || count == 0)
    return {PINNATE_INVALID, "not a shared object (no program headers)"};
  Table table;
  if (Status s = take(offset, std::uint64_t{count} * entry_bytes, &table); !s.ok()) return s;
  bool stack = false;
  for (unsigned i = 0; i < count; ++i) {
    const Fields f{table.fields.bytes.substr(i * entry_bytes, entry_bytes), wide_, big_};
    const Segment segment{f.address(4, 8), f.address(8, 16), f.address(16, 32)};
    const std::uint32_t type = f.word(0), flags = f.word(wide_ ? 4 : 24);
    if (type == PT_LOAD || type == PT_DYNAMIC)
      if (segment.offset > bytes_.size_bytes || bytes_.size_bytes - segment.offset < segment.file_bytes)
        return cut_short();
    if (type == PT_LOAD) loaded_.push_back(segment);
    if (type == PT_DYNAMIC) dynamic_ = segment;
    if (type == PT_TLS) object_.tls_bytes = f.address(20, 40);
    if (type == PT_GNU_STACK) stack = true, object_.executable_stack = flags & PF_X;
  }
  // Compilers for MIPS have asked for one whatever they built, so there it says nothing. Elsewhere,
  // without the header, glibc goes by what the machine's old objects were.
  if (machine_ == EM_MIPS) object_.executable_stack = false;
  if (!stack)
    object_.executable_stack =
        machine_ == EM_X86_64 || machine_ == EM_386 || machine_ == EM_ARM || machine_ == EM_AARCH64;
  return {};
}

Status Reader::dynamic() {
  if (dynamic_.file_bytes == 0) return {PINNATE_INVALID, "not a shared object (no dynamic section)"};
  Table table;
  if (Status s = take(dynamic_.offset, dynamic_.file_bytes, &table); !s.ok()) return s;
  const std::size_t entry_bytes = wide_ ? 16 : 8;
  for (std::size_t at = 0; at + entry_bytes <= table.fields.bytes.size(); at += entry_bytes) {
    const Fields f{table.fields.bytes.substr(at, entry_bytes), wide_, big_};
    const std::uint64_t tag = f.address(0, 0), value = f.address(4, 8);
    if (tag == DT_NULL) break;
    if (tag == DT_NEEDED)
      needed_.push_back(value);
    else
      tags_[tag] = value;
  }
  Table strings;
  if (Status s = take_at(tag(DT_STRTAB), tag(DT_STRSZ), &strings); !s.ok()) return s;
  object_.names = std::make_shared<const std::string>(strings.fields.bytes);
  for (const std::uint64_t at : needed_) object_.needed.emplace_back(name(at));
  if (tags_.contains(DT_SONAME)) object_.soname = name(tag(DT_SONAME));
  if (tags_.contains(DT_RUNPATH) || tags_.contains(DT_RPATH))
    object_.run_path = name(tags_.contains(DT_RUNPATH) ? tag(DT_RUNPATH) : tag(DT_RPATH));
  object_.stays = tag(DT_FLAGS_1) & DF_1_NODELETE;
  object_.static_tls = tag(DT_FLAGS) & DF_STATIC_TLS;
  object_.text_relocations = tags_.contains(DT_TEXTREL) || (tag(DT_FLAGS) & DF_TEXTREL);
  return {};
}

// The table of symbols does not say how long it is; each of both hash tables does, in its way.
Result<std::uint64_t> Reader::symbol_count() {
  Table table;
  if (tags_.contains(DT_HASH) && machine_ != EM_S390) {  // whose entries are of 64 bits
    if (Status s = take_at(tag(DT_HASH), 8, &table); !s.ok()) return s;
    return std::uint64_t{table.fields.word(4)};
  }
  if (!tags_.contains(DT_GNU_HASH)) return std::uint64_t{0};
  const std::uint64_t at = tag(DT_GNU_HASH);
  if (Status s = take_at(at, 16, &table); !s.ok()) return s;
  const std::uint64_t buckets = table.fields.word(0), first = table.fields.word(4), words = table.fields.word(8);
  const std::uint64_t buckets_at = at + 16 + words * (wide_ ? 8 : 4), chains_at = buckets_at + buckets * 4;
  if (Status s = take_at(buckets_at, buckets * 4, &table); !s.ok()) return s;
  std::uint64_t last = 0;
  for (std::uint64_t i = 0; i < buckets; ++i) last = std::max<std::uint64_t>(last, table.fields.word(i * 4));
  if (last < first) return first;
  std::uint64_t offset = 0;
  const std::uint64_t skip = (last - first) * 4, left = bytes_from(chains_at, &offset);
  if (left <= skip) return malformed("its symbols' hash table ends nowhere");
  // The last chain ends with an odd number. Such chains are short.
  if (Status s = take(offset + skip, std::min<std::uint64_t>(left - skip, 65536), &table); !s.ok()) return s;
  for (std::uint64_t i = 0; i + 4 <= table.fields.bytes.size(); i += 4)
    if (table.fields.word(i) & 1) return last + i / 4 + 1;
  return malformed("its symbols' hash table ends nowhere");
}

Status Reader::symbols() {
  constexpr unsigned char kUnique = 10;  // STB_GNU_UNIQUE
  const auto count = symbol_count();
  if (!count.ok()) return count.status();
  if (*count > kMostEntries) return malformed("it has too many symbols");
  const std::size_t entry_bytes = wide_ ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
  Table table;
  if (*count > 0)
    if (Status s = take_at(tag(DT_SYMTAB), *count * entry_bytes, &table); !s.ok()) return s;
  for (std::uint32_t i = 1; i < *count; ++i) {
    const Fields f{table.fields.bytes.substr(i * entry_bytes, entry_bytes), wide_, big_};
    const auto info = static_cast<unsigned char>(f.bytes[wide_ ? 4 : 12]);
    const auto other = static_cast<unsigned char>(f.bytes[wide_ ? 5 : 13]);
    const std::uint16_t section = f.half(wide_ ? 6 : 14);
    const unsigned binding = info >> 4, visibility = other & 3;
    const std::string_view symbol = name(f.word(0));
    if (symbol.empty() || binding == STB_LOCAL) continue;
    if (section == SHN_UNDEF) {
      object_.imports.push_back(symbol);
      continue;
    }
    if (visibility == STV_HIDDEN || visibility == STV_INTERNAL || section == SHN_ABS) continue;
    if (symbol == "pinnate_module") {
      object_.exports_descriptor = true;
      read_descriptor(f.address(4, 8));
      continue;
    }
    constexpr std::string_view kLinkers[] = {"_init", "_fini", "_edata", "_end", "__bss_start"};
    if (std::find(std::begin(kLinkers), std::end(kLinkers), symbol) != std::end(kLinkers)) continue;
    object_.exports.push_back({symbol, binding == STB_WEAK, binding == kUnique, false});
    export_symbols_.push_back(i);
  }
  std::sort(object_.imports.begin(), object_.imports.end());
  return {};
}

void Reader::read_descriptor(std::uint64_t address) {
  Table table;
  const std::size_t size = wide_ ? 8 : 4;
  if (!take_at(address, size + 8, &table).ok()) return;
  object_.descriptor = {table.fields.address(0, 0), table.fields.word(size), table.fields.word(size + 4)};
}

// Which of its own symbols it finds by their names.
Status Reader::relocations() {
  if (object_.exports.empty() || tags_.contains(DT_SYMBOLIC) || (tag(DT_FLAGS) & DF_SYMBOLIC)) return {};
  if (machine_ == EM_MIPS) {  // by its global offset table, without relocations
    for (auto& each : object_.exports) each.by_name = true;
    return {};
  }
  struct Relocations {
    std::uint64_t at, bytes, entry_bytes;
  };
  const std::uint64_t rel = wide_ ? 16 : 8, rela = wide_ ? 24 : 12;
  const Relocations tables[] = {{tag(DT_RELA), tag(DT_RELASZ), rela},
                                {tag(DT_REL), tag(DT_RELSZ), rel},
                                {tag(DT_JMPREL), tag(DT_PLTRELSZ), tag(DT_PLTREL) == DT_RELA ? rela : rel}};
  std::vector<bool> named;
  for (const Relocations& r : tables) {
    if (r.bytes == 0) continue;
    Table table;
    if (Status s = take_at(r.at, r.bytes, &table); !s.ok()) return s;
    for (std::uint64_t at = 0; at + r.entry_bytes <= r.bytes; at += r.entry_bytes) {
      const std::uint64_t info = Fields{table.fields.bytes.substr(at, r.entry_bytes), wide_, big_}.address(4, 8);
      const std::uint64_t symbol = wide_ ? info >> 32 : info >> 8;
      if (symbol > kMostEntries) return malformed("a relocation names no symbol");
      if (symbol >= named.size()) named.resize(symbol + 1);
      named[symbol] = true;
    }
  }
  for (std::size_t i = 0; i < export_symbols_.size(); ++i)
    object_.exports[i].by_name = export_symbols_[i] < named.size() && named[export_symbols_[i]];
  return {};
}

Status Reader::needed_versions() {
  std::uint64_t at = tag(DT_VERNEED), left = tag(DT_VERNEEDNUM), most = 65536;
  Table table;
  for (; at != 0 && left > 0 && most > 0; --left) {
    if (Status s = take_at(at, 16, &table); !s.ok()) return s;
    const std::string_view library = name(table.fields.word(4));
    const std::uint64_t next = table.fields.word(12);
    std::uint64_t version_at = at + table.fields.word(8);
    for (unsigned count = table.fields.half(2); count > 0 && most > 0; --count, --most) {
      if (Status s = take_at(version_at, 16, &table); !s.ok()) return s;
      object_.needed_versions.emplace_back(library, name(table.fields.word(8)));
      if (table.fields.word(12) == 0) break;
      version_at += table.fields.word(12);
    }
    if (next == 0) break;
    at += next;
  }
  return {};
}

Result<SharedObject> Reader::read() {
  for (const auto step :
       {&Reader::header, &Reader::dynamic, &Reader::symbols, &Reader::relocations, &Reader::needed_versions})
    if (Status s = (this->*step)(); !s.ok()) return s;
  return std::move(object_);
}

}  // namespace

ObjectBytes ObjectBytes::in_memory(std::string_view bytes) {
  return {bytes.size(), [bytes](std::uint64_t offset, std::size_t length, std::string*) -> Result<std::string_view> {
            return bytes.substr(static_cast<std::size_t>(offset), length);
          }};
}

bool SharedObject::needs(std::string_view prefix) const {
  return std::any_of(needed.begin(), needed.end(), [&](const auto& library) { return library.starts_with(prefix); });
}

bool SharedObject::imports_symbol(std::string_view symbol) const {
  return std::binary_search(imports.begin(), imports.end(), symbol);
}

bool SharedObject::imports_prefix(std::string_view prefix) const {
  const auto first = std::lower_bound(imports.begin(), imports.end(), prefix);
  return first != imports.end() && first->starts_with(prefix);
}

std::string SharedObject::glibc_version() const {
  constexpr std::string_view kPrefix = "GLIBC_";
  std::string newest;
  for (const auto& [library, version] : needed_versions) {
    if (!std::string_view(version).starts_with(kPrefix)) continue;
    const std::string_view number = std::string_view(version).substr(kPrefix.size());
    if (number.empty() || number[0] < '0' || number[0] > '9') continue;  // GLIBC_PRIVATE, GLIBC_ABI_DT_RELR
    if (older_version(newest, number)) newest = number;
  }
  return newest;
}

// musl's linker makes names of no version; Debian's compiler for musl says libc.so, Alpine's
// libc.musl-x86_64.so.1.
bool SharedObject::for_musl() const {
  return needs("libc.musl-") ||
         (std::find(needed.begin(), needed.end(), "libc.so") != needed.end() && needed_versions.empty());
}

bool older_version(std::string_view a, std::string_view b) {
  while (!a.empty() || !b.empty()) {
    unsigned numbers[2] = {0, 0};
    std::string_view* const sides[2] = {&a, &b};
    for (int i = 0; i < 2; ++i) {
      std::string_view& side = *sides[i];
      const auto end = std::from_chars(side.data(), side.data() + side.size(), numbers[i]).ptr;
      side.remove_prefix(std::min<std::size_t>(static_cast<std::size_t>(end - side.data()) + 1, side.size()));
    }
    if (numbers[0] != numbers[1]) return numbers[0] < numbers[1];
  }
  return false;
}

Result<SharedObject> read_shared_object(const ObjectBytes& bytes) {
  return within_memory([&] { return Reader(bytes).read(); });
}

}  // namespace pinnate::content
