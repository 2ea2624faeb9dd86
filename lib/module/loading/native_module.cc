#include "module/loading/native_module.h"

#include "content/elf.h"
#include "content/object_findings.h"
#include "module/loading/footprint.h"
#include "module/loading/process_findings.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

namespace pinnate::module {
namespace {

// A libgcc of GCC 12 or older that has not unwound anything yet ends the process when an exception
// comes to it from another one, that of a module which has its own.
void use_unwinder() {
  try {
    throw 0;
  } catch (int) {
  }
}

bool name_is_loaded(const std::string& path) {
  void* known = dlopen(path.c_str(), RTLD_LAZY | RTLD_NOLOAD);
  dlerror();
  if (known) dlclose(known);
  return known != nullptr;
}

// A path that the dynamic linker has not seen. An object that stayed is still known by the number
// that its descriptor had, and would be returned in place of this one.
Status open_unseen_path(const pinnate_image& image, int& fd, std::string& path) {
  std::vector<int> seen;
  path = image.fd_path;
  const bool by_number = path.starts_with("/proc/");
  Status status;
  while (by_number || fd < 0) {
    fd = fcntl(image.fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
      status = {PINNATE_IO, "cannot duplicate the descriptor of its memory file (are too many files open?)"};
      break;
    }
    // By the number of the process, since a debugger opens the name too, in a process of its own.
    if (by_number) path = "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(fd);
    if (!name_is_loaded(path)) break;
    seen.push_back(fd);
    fd = -1;
    if (!by_number) {
      status = {PINNATE_INTERNAL, "a library is already loaded from " + path};
      break;
    }
  }
  for (int number : seen) close(number);
  return status;
}

Status check_descriptor(const pinnate_descriptor& d) {
  constexpr std::size_t kFirstVersion = offsetof(pinnate_descriptor, destroy) + sizeof(d.destroy);
  // `size` and `abi` stay where they are in every version; what follows may not.
  if (d.abi != PINNATE_MODULE_ABI)
    return {PINNATE_INCOMPATIBLE, "made for module ABI " + std::to_string(d.abi) + "; this engine speaks " +
                                      std::to_string(PINNATE_MODULE_ABI)};
  if (d.size < kFirstVersion)
    return {PINNATE_INVALID, "its pinnate_module has " + std::to_string(d.size) + " bytes, fewer than ABI " +
                                 std::to_string(d.abi) + " needs (" + std::to_string(kFirstVersion) +
                                 "); set size to sizeof(pinnate_descriptor)"};
  if (!d.create || !d.call || !d.destroy)
    return {PINNATE_INVALID, "its pinnate_module leaves create, call or destroy NULL"};
  return {};
}

Code code_of(std::string_view word) {
  if (word == "not-a-module") return PINNATE_INVALID;
  return word == "abi" || word == "c-library" ? PINNATE_INCOMPATIBLE : PINNATE_REFUSED;
}

// Why its bytes say that it is not to be unmapped, or "".
std::string why_it_stays(const content::SharedObject& object) {
  const std::uint32_t flags = object.descriptor ? object.descriptor->flags : 0;
  if (flags & PINNATE_STAYS_LOADED) return "it says so (PINNATE_STAYS_LOADED)";
  if (object.stays) return "it is linked with -z nodelete";
  if (std::any_of(object.exports.begin(), object.exports.end(), [](const auto& e) { return e.unique; }))
    return "it has GNU-unique symbols";
  if (const auto registry = content::registry_of(object); !registry.empty())
    return "it registered " + std::string(registry);
  const auto registers = content::registers_by(object);
  if (!registers.empty() && !(flags & PINNATE_CLEANS_UP))
    return "it uses " + std::string(registers) + " and does not say PINNATE_CLEANS_UP";
  return {};
}

}  // namespace

NativeModule::~NativeModule() {
  if (handle_) dlclose(handle_);
  if (fd_ >= 0) close(fd_);
}

Result<std::unique_ptr<NativeModule>> NativeModule::load(const NativeLoad& from, std::vector<std::string>& warnings) {
  const pinnate_image& image = from.image;
  const std::string_view bytes(static_cast<const char*>(image.data), static_cast<std::size_t>(image.size_bytes));
  const std::string theirs = content::elf_platform(bytes), ours = content::own_platform();
  if (!theirs.empty() && theirs != ours)
    return {PINNATE_INCOMPATIBLE, "a shared object for " + theirs + "; this engine is " + ours};
  const auto object = content::read_shared_object(content::ObjectBytes::in_memory(bytes));
  if (!object.ok()) return object.status();
  auto found = process_findings(*object);  // these first: they say more of this engine
  for (auto& each : content::findings(*object))
    if (std::string_view(each.word) != "sanitizer" || !has_sanitizer()) found.push_back(std::move(each));
  if (const auto* refused = content::first_refused(found, from.allowed)) return {code_of(refused->word), refused->text};
  for (const auto& each : found)
    if (!content::allows(from.allowed, each.word)) warnings.push_back(each.text);

  KeptImages& kept = KeptImages::of_process();
  for (auto& left : kept.take_left()) unmap(std::move(left));
  const auto registry = content::registry_of(*object);
  std::unique_ptr<NativeModule> loaded = kept.take(from.artifact);
  if (!loaded) {
    loaded.reset(new NativeModule);
    loaded->stays_ = why_it_stays(*object);
    if (Status s = kept.room_for(image.name, image.size_bytes, !loaded->stays_.empty(), from.engine); !s.ok()) return s;
    if (!registry.empty() && kept.other_is_registered(image.name, from.artifact) &&
        !content::allows(from.allowed, "registry"))
      return {PINNATE_REFUSED, "another version of it has registered with this process (" + std::string(registry) +
                                   "), which knows that one as long as it lives: restart the engine"};
  }
  loaded->may_set_umask_ = object->imports_symbol("umask") || object->stays || object->needed.size() > 2;
  loaded->function_ = image.name;
  loaded->version_ = image.version;
  loaded->artifact_ = from.artifact;
  loaded->engine_ = from.engine;
  if (loaded->handle_) return loaded;

  std::string path;
  if (const Status s = open_unseen_path(image, loaded->fd_, path); !s.ok()) return s;
  loaded->threads_before_ = threads_of_process();
  const std::vector<LinkedObject> before = linked_objects();
  use_unwinder();
  loaded->handle_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!loaded->handle_) {
    const char* const said = dlerror();
    return {PINNATE_FAILED, linker_refusal(said ? said : "no reason was given", *object, path)};
  }
  if (!registry.empty()) kept.registered(image.name, from.artifact);
  loaded->object_ = linked_object(loaded->handle_);
  loaded->pin_what_came_along(before);
  Status status;
  loaded->descriptor_ = static_cast<const pinnate_descriptor*>(dlsym(loaded->handle_, "pinnate_module"));
  if (loaded->descriptor_) {
    status = check_descriptor(*loaded->descriptor_);
  } else {
    dlerror();
    status = {PINNATE_INVALID, "not a module: it does not export 'pinnate_module' (see pinnate/module.h)"};
  }
  if (status.ok()) return loaded;
  let_go(std::move(loaded));
  return status;
}

// Their threads and handlers know nothing of the module that brought them.
void NativeModule::pin_what_came_along(const std::vector<LinkedObject>& before) {
  for (const LinkedObject& object : linked_objects()) {
    const auto same = [&](const LinkedObject& other) { return other.base == object.base && other.path == object.path; };
    if (same(object_) || object.path.empty() || std::any_of(before.begin(), before.end(), same)) continue;
    void* const pinned = dlopen(object.path.c_str(), RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
    dlerror();
    if (!pinned) continue;  // gone again
    dlclose(pinned);
    KeptImages::of_process().came_along(function_, version_, object, threads_before_, engine_.lock());
  }
}

bool NativeModule::let_go(std::unique_ptr<NativeModule> module) {
  using Until = KeptImages::Until;
  Until until = Until::served_again;
  std::string why = module->stays_;
  if (why.empty()) {
    why = pointed_at_by(module->object_);
    until = Until::process_ends;
  }
  if (why.empty()) {
    std::vector<Suspect> suspects{{&module->object_, &module->threads_before_}};
    if (threads_inside(suspects, true)[0] > 0) why = "threads are in it";
    module->threads_before_.merge(suspects[0].outside);
    until = Until::threads_left;
  }
  if (why.empty()) return unmap(std::move(module));
  const KeptImages::Owner engine = module->engine_.lock();
  KeptImages::of_process().keep(std::move(module), engine, std::move(why), until);
  return true;
}

bool NativeModule::unmap(std::unique_ptr<NativeModule> module) {
  dlclose(std::exchange(module->handle_, nullptr));
  if (!is_linked(module->object_)) return false;
  KeptImages::of_process().closed(module->function_, module->version_, module->object_, std::exchange(module->fd_, -1),
                                  module->engine_.lock());
  return true;
}

}  // namespace pinnate::module
