#include "content/object_findings.h"

#include <pinnate/module.h>

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace pinnate::content {
namespace {

constexpr std::size_t kNameShown = 80;
constexpr std::uint64_t kStaticTlsRoom = 1664;  // TLS_STATIC_SURPLUS of glibc, by its default tunables

struct Known {
  std::string_view symbol;
  std::string_view what;
};

// glibc 2.36: atexit, at_quick_exit and pthread_atfork know the object and are undone by dlclose;
// these are not.
constexpr std::string_view kRegistering[] = {"pthread_key_create",
                                             "tss_create",
                                             "on_exit",
                                             "timer_create",
                                             "mq_notify",
                                             "fopencookie",
                                             "register_printf_function",
                                             "register_printf_specifier",
                                             "_ZSt13set_terminatePFvvE",
                                             "_ZSt15set_new_handlerPFvvE"};

constexpr Known kRegistries[] = {
    {"g_type_register_static", "GObject types"},
    {"g_type_register_static_simple", "GObject types"},
    {"g_type_register_fundamental", "GObject types"},
    {"_ZN6google8protobuf8internal14AddDescriptorsEPKNS1_15DescriptorTableE", "protobuf's descriptors"},
    {"_ZN6google8protobuf8internal20AddDescriptorsRunnerC1EPKNS1_15DescriptorTableE", "protobuf's descriptors"},
    {"__objc_exec_class", "Objective-C classes"},
    {"objc_registerClassPair", "Objective-C classes"},
    {"JNI_CreateJavaVM", "the JVM, of which a process makes one"},
};

// What comes with the C library, and so is where any engine is; as libgcc_s is, which the C library
// itself loads to end a thread.
bool of_c_library(std::string_view library) {
  constexpr std::string_view kPrefixes[] = {
      "libc.so",      "libm.so",      "libpthread.so",      "libdl.so",  "librt.so", "libutil.so",
      "libresolv.so", "libanl.so",    "libBrokenLocale.so", "ld-linux",  "ld-musl",  "ld64.so",
      "ld.so",        "libgcc_s.so.", "libc.musl-",         "linux-vdso"};
  return std::any_of(std::begin(kPrefixes), std::end(kPrefixes),
                     [&](std::string_view prefix) { return library.starts_with(prefix); });
}

// As people write it; a mangled name of C++ says little.
std::string readable(std::string_view symbol) {
  const std::unique_ptr<char, decltype(&std::free)> plain(
      abi::__cxa_demangle(std::string(symbol).c_str(), nullptr, nullptr, nullptr), &std::free);
  const std::string name(plain ? std::string_view(plain.get()) : symbol);
  return name.size() <= kNameShown ? name : name.substr(0, kNameShown) + "...";
}

std::string list(const std::vector<std::string_view>& names) {
  constexpr std::size_t kNamed = 3;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kNamed); ++i) text += (i ? ", " : "") + readable(names[i]);
  if (names.size() > kNamed) text += " and " + std::to_string(names.size() - kNamed) + " more";
  return text;
}

template <typename Which>
std::vector<std::string_view> names_of(const SharedObject& object, Which which) {
  std::vector<std::string_view> names;
  for (const auto& each : object.exports)
    if (which(each)) names.push_back(each.name);
  return names;
}

class Findings {
 public:
  explicit Findings(const SharedObject& object) : object_(object) {}

  std::vector<Finding> all() {
    descriptor();
    symbols();
    process();
    stays();
    libraries();
    std::stable_sort(all_.begin(), all_.end(), [](const auto& a, const auto& b) { return a.refused > b.refused; });
    return std::move(all_);
  }

 private:
  void refuse(const char* word, std::string text) { all_.push_back({word, true, std::move(text)}); }
  void warn(const char* word, std::string text) { all_.push_back({word, false, std::move(text)}); }

  void descriptor() {
    if (!object_.exports_descriptor)
      return refuse("not-a-module", "not a module: it does not export 'pinnate_module' (see pinnate/module.h)");
    if (!object_.descriptor) return;
    const std::uint32_t abi = object_.descriptor->abi;
    const std::uint64_t least = object_.address_bytes * 5 + 8;  // to `destroy`, in the first version
    if (abi == PINNATE_MODULE_ABI && object_.descriptor->size_bytes < least)
      refuse("not-a-module", "its pinnate_module has " + std::to_string(object_.descriptor->size_bytes) +
                        " bytes, fewer than ABI " + std::to_string(abi) + " needs (" + std::to_string(least) +
                        "); set size to sizeof(pinnate_descriptor)");
    if (abi == PINNATE_MODULE_ABI) return;
    refuse("abi", "made for module ABI " + std::to_string(abi) + ", where this version speaks " +
                      std::to_string(PINNATE_MODULE_ABI) +
                      (abi > PINNATE_MODULE_ABI ? " (update the engine)" : " (build the module anew)"));
  }

  void symbols() {
    if (const auto unique = names_of(object_, [](const auto& e) { return e.unique; }); !unique.empty())
      refuse("unique-symbols", "it has GNU-unique symbols (" + list(unique) +
                                   "): the process has one of each, so that a second version would use the values of "
                                   "the first, and neither would ever be unloaded. Hide them by the version script of "
                                   "pinnate/module.map, or build with -fno-gnu-unique");
    if (const auto others = names_of(object_, [](const auto& e) { return !e.unique; }); !others.empty())
      warn("exports", "it exports more than pinnate_module (" + list(others) +
                          "): where a process has symbols of the same names, the module gets those instead of its own. "
                          "Hide them by the version script of pinnate/module.map");
  }

  void process() {
    for (const char* runtime : {"asan", "tsan", "msan", "ubsan", "lsan", "hwasan"})
      if (object_.needs("lib" + std::string(runtime) + ".so") || object_.needs("libclang_rt." + std::string(runtime)) ||
          object_.imports_prefix("__" + std::string(runtime) + "_")) {
        refuse("sanitizer", "it is built with a sanitizer (" + std::string(runtime) +
                                "), which ends a process that was not begun with it. Build it without -fsanitize");
        break;
      }
    if (object_.executable_stack)
      refuse("executable-stack",
             "it asks for an executable stack: loading it makes the stacks of all threads of the process executable, "
             "and newer C libraries refuse it. Build all of its parts with -z noexecstack");
    if (object_.static_tls && object_.tls_bytes > 0) {
      const bool too_much = object_.tls_bytes > kStaticTlsRoom;
      const std::string text =
          "it has " + std::to_string(object_.tls_bytes) +
          " bytes of thread-local storage of the initial-exec model, for which a process has some " +
          std::to_string(kStaticTlsRoom) + (too_much ? "" : ", and each version in memory takes its own") +
          ". Build it with -ftls-model=global-dynamic";
      too_much ? refuse("static-tls", text) : warn("static-tls", text);
    }
    if (object_.text_relocations)
      warn("text-relocations",
           "it has relocations in its code, which is then copied for each process and which some systems do not allow. "
           "Build all of its parts with -fPIC");
  }

  void stays() {
    const std::uint32_t flags = object_.descriptor ? object_.descriptor->flags : 0;
    if (const auto registry = registry_of(object_); !registry.empty())
      warn("registry", "it registers with the process (" + std::string(registry) +
                           "): an engine refuses a second version until it is restarted");
    if (flags & PINNATE_STAYS_LOADED) return;  // openly
    if (object_.stays)
      warn("stays",
           "it is linked with -z nodelete: each version stays in memory until the engine is restarted. "
           "If that must be so, say PINNATE_STAYS_LOADED in its descriptor");
    const auto registering = registers_by(object_);
    if (!registering.empty() && !(flags & PINNATE_CLEANS_UP))
      warn("registers", "it uses " + std::string(registering) +
                            ", which may leave pointers into the module behind: each version stays in memory until the "
                            "engine is restarted. If its destroy undoes what was registered, say PINNATE_CLEANS_UP in "
                            "its descriptor");
  }

  void libraries() {
    if (object_.for_musl())
      warn("c-library", "it is built for musl: engines on the GNU C library refuse it. Build it for that one too");
    std::vector<std::string_view> others;
    for (const std::string& library : object_.needed)
      if (!of_c_library(library) && library != "libc.so") others.push_back(library);
    if (!others.empty())
      warn("dependencies", "it needs libraries beside the C library (" + list(others) +
                               "): each engine must have them. Link them statically, as by -static-libstdc++ "
                               "-static-libgcc");
  }

  const SharedObject& object_;
  std::vector<Finding> all_;
};

}  // namespace

std::vector<Finding> findings(const SharedObject& object) { return Findings(object).all(); }

Result<std::vector<std::string>> read_allowed(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string word(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
    if (std::find(std::begin(kFindingWords), std::end(kFindingWords), word) == std::end(kFindingWords)) {
      std::string known;
      for (const char* each : kFindingWords) known += (known.empty() ? "" : ", ") + std::string(each);
      return {PINNATE_INVALID, "'" + word + "' is nothing that can be allowed (" + known + ")"};
    }
    if (!allows(words, word)) words.push_back(word);
  }
  std::sort(words.begin(), words.end());
  return words;
}

bool allows(const std::vector<std::string>& allowed, std::string_view word) {
  return std::find(allowed.begin(), allowed.end(), word) != allowed.end();
}

const Finding* first_refused(const std::vector<Finding>& findings, const std::vector<std::string>& allowed) {
  for (const Finding& each : findings)
    if (each.refused && !allows(allowed, each.word)) return &each;
  return nullptr;
}

std::string_view registers_by(const SharedObject& object) {
  for (const std::string_view symbol : kRegistering)
    if (object.imports_symbol(symbol)) return symbol;
  return {};
}

std::string_view registry_of(const SharedObject& object) {
  for (const auto& [symbol, what] : kRegistries)
    if (object.imports_symbol(symbol)) return what;
  return {};
}

}  // namespace pinnate::content
