#include "module/loading/process_findings.h"

#include "module/loading/linked_objects.h"

#include <sys/stat.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

#include <algorithm>

namespace pinnate::module {
namespace {

using content::Finding;
using content::SharedObject;

// Of the C++ library's own templates each module has a copy, and any of them does.
bool of_cxx_library(std::string_view symbol) {
  for (const std::string_view prefix : {"_ZNSt",
                                        "_ZNKSt",
                                        "_ZSt",
                                        "_ZTI",
                                        "_ZTS",
                                        "_ZTVSt",
                                        "_ZTVNSt",
                                        "_ZTTSt",
                                        "_ZTTNSt",
                                        "_ZGVNSt",
                                        "_ZZNSt",
                                        "_ZZNKSt",
                                        "_ZGVZNSt",
                                        "_ZN9__gnu_cxx",
                                        "_ZNK9__gnu_cxx",
                                        "_ZTVN9__gnu_cxx",
                                        "_ZN10__cxxabiv1",
                                        "_Zdl",
                                        "_Zda",
                                        "_Znw",
                                        "_Zna"})
    if (symbol.starts_with(prefix)) return true;
  return false;
}

void find_taken_symbols(const SharedObject& object, std::vector<Finding>& to) {
  std::string taken;
  std::size_t count = 0;
  for (const auto& each : object.exports) {
    if (!each.by_name || each.unique || (each.weak && of_cxx_library(each.name))) continue;
    const std::string where = found_in_process(std::string(each.name));
    if (where.empty() || ++count > 3) continue;
    taken += (taken.empty() ? "" : ", ") + std::string(each.name) + " of " + where;
  }
  if (count == 0) return;
  to.push_back({"exports", true,
                "instead of its own symbols it would get those that this process has already (" + taken +
                    (count > 3 ? " and " + std::to_string(count - 3) + " more" : "") +
                    "). Hide them by the version script of pinnate/module.map"});
}

bool same_file(const std::string& a, const std::string& b) {
  struct stat one, other;
  return stat(a.c_str(), &one) == 0 && stat(b.c_str(), &other) == 0 && one.st_dev == other.st_dev &&
         one.st_ino == other.st_ino;
}

// A library that it brings a place for, where the process has another one of that name.
void find_taken_libraries(const SharedObject& object, std::vector<Finding>& to) {
  for (const std::string& library : object.needed) {
    const std::string linked = library.find('/') == library.npos ? linked_by_soname(library) : "";
    if (linked.empty()) continue;
    for (std::string_view left = object.run_path; !left.empty();) {
      const std::string_view folder = left.substr(0, left.find(':'));
      left.remove_prefix(std::min(left.size(), folder.size() + 1));
      const std::string own = std::string(folder) + "/" + library;
      struct stat st;
      if (folder.empty() || stat(own.c_str(), &st) != 0) continue;
      if (!same_file(own, linked))
        to.push_back({"sonames", true,
                      "it was built to use " + own + ", and would get " + linked +
                          " instead: a library of that name is in this process already. Link it statically, or load "
                          "it into an engine of its own"});
      break;
    }
  }
}

void find_c_library(const SharedObject& object, std::vector<Finding>& to) {
#ifdef __GLIBC__
  if (object.for_musl())
    to.push_back(
        {"c-library", true, "it is built for musl, and this engine runs on the GNU C library. Build it for that"});
  const std::string needed = object.glibc_version(), here = gnu_get_libc_version();
  if (content::older_version(here, needed))
    to.push_back({"c-library", true,
                  "it needs the GNU C library " + needed + ", and this engine has " + here +
                      ". Build it on the oldest system that it is to run on"});
#else
  if (!object.for_musl() && !object.glibc_version().empty())
    to.push_back(
        {"c-library", true, "it is built for the GNU C library, and this engine runs on another. Build it for that"});
#endif
}

}  // namespace

std::vector<Finding> process_findings(const SharedObject& object) {
  std::vector<Finding> all;
  find_c_library(object, all);
  find_taken_symbols(object, all);
  find_taken_libraries(object, all);
  return all;
}

bool has_sanitizer() { return !found_in_process("__asan_init").empty() || !found_in_process("__tsan_init").empty(); }

std::string linker_refusal(std::string_view words, const SharedObject& object, const std::string& path) {
  std::string said(words);
  for (std::size_t at = 0; (at = said.find(path)) != said.npos;) {
    const bool prefix = at == 0 && said.compare(path.size(), 2, ": ") == 0;
    said.replace(at, path.size() + (prefix ? 2 : 0), prefix ? "" : "it");
  }
  const auto says = [&](std::string_view what) { return said.find(what) != said.npos; };
  std::string help;
  if (says("static TLS"))
    help = "it has " + std::to_string(object.tls_bytes) +
           " bytes of thread-local storage of the initial-exec model, and what the process has for such is used up. "
           "A restart of the engine frees it; GLIBC_TUNABLES=glibc.rtld.optional_static_tls=BYTES gives more; "
           "-ftls-model=global-dynamic needs none";
  else if (says("failed to map segment"))
    help = path.starts_with("/proc/")
               ? "this system lets no code be loaded from memory files (sysctl vm.memfd_noexec?)"
               : "its folder is on a file system that allows no code (mounted noexec). Give the engine a state folder, "
                 "or TMPDIR, on another";
  else if (says("cannot open shared object file"))
    help = "it needs a library that this engine does not have. Install it there, or link it statically";
  else if (says("' not found"))
    help =
        "it was built with a newer version of that library than this engine has. Build it on the oldest system that "
        "it is to run on, or link that library statically";
  else if (says("undefined symbol"))
    help = "neither it nor a library that it names defines that symbol. Link what does";
  else if (says("executable stack"))
    help = "this system allows no executable stack. Build all of its parts with -z noexecstack";
  else if (says("invalid ELF header"))
    help = "a library that it needs is found, but is for another system";
  else if (says("for relocation"))
    help = "this system allows no relocations in code. Build all of its parts with -fPIC";
  return "the dynamic linker refused it: " + said + (help.empty() ? "" : " (" + help + ")");
}

}  // namespace pinnate::module
