#include "plain_loader.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <unistd.h>
#include <array>
#include <charconv>
#include <cstdio>
#include <memory>
#include <optional>
#include <string_view>

namespace cli {

namespace {

using Address = void*;
using Payload = std::string_view;

// What a call came to: the result, or why there is none.
struct Answer {
  bool ok;
  std::string text;
};

Answer failed(std::string why) { return {false, std::move(why)}; }
Answer said(const char* text) { return text != nullptr ? Answer{true, text} : failed("the function returned NULL"); }

template <class Number>
std::optional<Number> number_in(Payload payload) {
  Number number{};
  const auto [end, error] = std::from_chars(payload.data(), payload.data() + payload.size(), number);
  if (error != std::errc() || end != payload.data() + payload.size()) return std::nullopt;
  return number;
}

constexpr char kNeedsNumber[] = "this function takes a decimal number as payload";

template <class Function, class Use>
Answer with_nothing(Address address, Payload payload, Use use) {
  if (!payload.empty()) return failed("this function takes no payload");
  return use(reinterpret_cast<Function*>(address)());
}

const auto decimal = [](auto number) { return Answer{true, std::to_string(number)}; };

struct Signature {
  std::string_view form;
  Answer (*invoke)(Address, Payload);
};

constexpr std::array<Signature, 7> kSignatures = {{
    {"()s", [](Address a, Payload p) { return with_nothing<const char*()>(a, p, said); }},
    {"()i", [](Address a, Payload p) { return with_nothing<int()>(a, p, decimal); }},
    {"()u", [](Address a, Payload p) { return with_nothing<unsigned long()>(a, p, decimal); }},
    {"(i)s",
     [](Address a, Payload p) {
       const auto number = number_in<int>(p);
       return number ? said(reinterpret_cast<const char* (*)(int)>(a)(*number)) : failed(kNeedsNumber);
     }},
    {"(u)u",
     [](Address a, Payload p) {
       const auto number = number_in<unsigned long>(p);
       return number ? decimal(reinterpret_cast<unsigned long (*)(unsigned long)>(a)(*number)) : failed(kNeedsNumber);
     }},
    {"(s)i",
     [](Address a, Payload p) {
       if (p.find('\0') != Payload::npos) return failed("this function takes text without NUL as payload");
       return decimal(reinterpret_cast<int (*)(const char*)>(a)(std::string(p).c_str()));
     }},
    {"(ubn)u",
     [](Address a, Payload p) {
       const char* bytes = p.empty() ? "" : p.data();
       using Function = unsigned long(unsigned long, const void*, unsigned);
       return decimal(reinterpret_cast<Function*>(a)(0, bytes, static_cast<unsigned>(p.size())));
     }},
}};

struct Object {
  PlainLoader* loader;
  std::string digest;
  std::string path;
  void* handle;
  int fd;  // what `path` names, ours; -1: the path is the engine's
};

struct Service {
  Address address;
  Answer (*invoke)(Address, Payload);
  const pinnate_host* host;
};

int refuse(char* error, std::size_t error_bytes, const std::string& why) {
  std::snprintf(error, error_bytes, "%s", why.c_str());
  return 1;
}

// Our own descriptor and so a name of our own, which may outlive the image.
void take_name(Object& object, const pinnate_image& image) {
  object.path = object.loader->resident_path(object.digest);
  if (!object.path.empty()) return;
  object.path = image.fd_path;
  if (!object.path.starts_with("/proc/self/fd/")) return;
  object.fd = fcntl(image.fd, F_DUPFD_CLOEXEC, 3);
  if (object.fd >= 0) object.path = "/proc/self/fd/" + std::to_string(object.fd);
}

void unload(void* module) {
  const std::unique_ptr<Object> object(static_cast<Object*>(module));
  if (object->handle != nullptr) dlclose(object->handle);
  void* left = object->handle != nullptr ? dlopen(object->path.c_str(), RTLD_NOW | RTLD_NOLOAD) : nullptr;
  if (left != nullptr) {
    dlclose(left);
    object->loader->keep_resident(object->digest, object->path);
  } else if (object->fd >= 0) {
    close(object->fd);
  }
}

int load(void* self, const pinnate_image* image, void** module, char* error, std::size_t error_bytes) {
  auto object = std::make_unique<Object>(Object{static_cast<PlainLoader*>(self), image->digest, {}, nullptr, -1});
  take_name(*object, *image);
  object->handle = dlopen(object->path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (object->handle == nullptr) {
    const char* why = dlerror();
    unload(object.release());
    return refuse(error, error_bytes, std::string("cannot be loaded as a shared object: ") + why);
  }
  *module = object.release();
  return 0;
}

// Whether the symbol stands in the object itself and not in something it links.
bool defines(void* handle, Address address) {
  link_map* of_object = nullptr;
  link_map* of_symbol = nullptr;
  Dl_info place{};
  return dlinfo(handle, RTLD_DI_LINKMAP, &of_object) == 0 &&
         dladdr1(address, &place, reinterpret_cast<void**>(&of_symbol), RTLD_DL_LINKMAP) != 0 && of_object == of_symbol;
}

bool is_variable(Address address) {
  const ElfW(Sym)* symbol = nullptr;
  Dl_info place{};
  return dladdr1(address, &place, const_cast<void**>(reinterpret_cast<const void**>(&symbol)), RTLD_DL_SYMENT) != 0 &&
         symbol != nullptr && place.dli_saddr == address && ELF64_ST_TYPE(symbol->st_info) == STT_OBJECT;
}

int create(void* module, const pinnate_host* host, const void* config, std::size_t config_bytes, void** service,
           char* error, std::size_t error_bytes) {
  const auto& object = *static_cast<Object*>(module);
  std::string_view text(static_cast<const char*>(config), config_bytes);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);

  const std::size_t bracket = text.find('(');
  if (bracket == std::string_view::npos || bracket == 0) {
    return refuse(error, error_bytes,
                  "the configuration must name a function, as SYMBOL(ARGUMENTS)RESULT, e.g. zlibVersion()s");
  }
  const std::string symbol(text.substr(0, bracket));
  const std::string_view form = text.substr(bracket);
  for (const Signature& signature : kSignatures) {
    if (signature.form != form) continue;
    const Address address = dlsym(object.handle, symbol.c_str());
    if (address == nullptr) return refuse(error, error_bytes, "the object exports no symbol '" + symbol + "'");
    if (!defines(object.handle, address)) {
      return refuse(error, error_bytes, "'" + symbol + "' is not the object's own but of a library it links");
    }
    if (is_variable(address)) return refuse(error, error_bytes, "'" + symbol + "' is a variable, not a function");
    *service = new Service{address, signature.invoke, host};
    return 0;
  }
  return refuse(error, error_bytes,
                "'" + std::string(form) + "' is no signature; there are ()s ()i ()u (i)s (u)u (s)i (ubn)u");
}

void call(void*, void* service, pinnate_reply* reply, const void* payload, std::size_t payload_bytes) {
  const auto& made = *static_cast<Service*>(service);
  const Answer answer = made.invoke(made.address, Payload(static_cast<const char*>(payload), payload_bytes));
  if (answer.ok) {
    made.host->answer(reply, answer.text.data(), answer.text.size());
  } else {
    made.host->fail(reply, answer.text.c_str());
  }
}

void destroy(void*, void* service) { delete static_cast<Service*>(service); }

}  // namespace

pinnate_loader PlainLoader::table() {
  // No PINNATE_CALLS_MAY_OVERLAP: nobody promised that a foreign function may run on two threads.
  return {sizeof(pinnate_loader), "plain", 0, this, load, create, call, nullptr, destroy, unload};
}

void PlainLoader::keep_resident(const std::string& digest, const std::string& path) {
  const std::lock_guard lock(mutex_);
  resident_.emplace(digest, path);
}

std::string PlainLoader::resident_path(const std::string& digest) {
  const std::lock_guard lock(mutex_);
  const auto found = resident_.find(digest);
  return found != resident_.end() ? found->second : std::string();
}

}  // namespace cli
