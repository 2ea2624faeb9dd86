// Modules that were not unmapped when their service was destroyed, of the whole process: objects
// live as long as it does, and not with the engine that brought them.
#pragma once

#include "base/digest.h"
#include "base/status.h"
#include "module/loading/linked_objects.h"
#include "wire/message.h"

#include <sys/types.h>

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace pinnate::module {

class NativeModule;

// Of modules that could not be unmapped, in one engine.
struct KeptLimits {
  std::uint32_t images = 16;
  std::uint64_t bytes = 256 * 1024 * 1024;
};

class KeptImages {
 public:
  // An engine, for as long as somebody holds it. What it kept is everybody's afterwards.
  using Owner = std::shared_ptr<const KeptLimits>;

  static KeptImages& of_process();

  enum class Until {
    served_again,  // nothing is known to go on in it, so that it may serve the same bytes again
    threads_left,  // no thread is in it any more
    process_ends
  };
  void keep(std::unique_ptr<NativeModule> module, const Owner& owner, std::string why, Until until);
  // It was closed and is in memory all the same, for as long as `object` is: holds `fd` until then.
  void closed(const std::string& function, const std::string& version, const LinkedObject& object, int fd,
              const Owner& owner);
  // A library that came with a module and was pinned.
  void came_along(const std::string& function, const std::string& version, const LinkedObject& object,
                  const std::set<pid_t>& before, const Owner& owner);

  // The kept object of these bytes, if there is one that may serve again; it is kept no longer.
  std::unique_ptr<NativeModule> take(const Digest& artifact);
  // Those that threads have left, or never were in: one that ran shows so later. They are kept no
  // longer, and to be unmapped.
  std::list<std::unique_ptr<NativeModule>> take_left();

  // Whether one more of this function may come that will stay, or that may: PINNATE_REFUSED, in
  // words.
  Status room_for(const std::string& function, std::uint64_t bytes, bool will_stay, const Owner& owner);

  // Registries of the process know the first version of a function that enters them for ever.
  bool other_is_registered(const std::string& function, const Digest& artifact);
  void registered(const std::string& function, const Digest& artifact);

  std::vector<wire::KeptImage> list(const Owner& owner);

 private:
  struct Entry {
    wire::KeptImage shown;
    std::unique_ptr<NativeModule> module;  // null: a library, or closed
    Digest artifact;
    Until until = Until::process_ends;
    bool library = false;
    LinkedObject object;
    int fd = -1;
    std::set<pid_t> before;  // threads that are not in it
    std::weak_ptr<const KeptLimits> owner;
  };
  void drop_unmapped();
  static bool counts_for(const Entry& entry, const Owner& owner);

  std::mutex mutex_;
  std::list<Entry> entries_;
  std::map<std::string, Digest> registered_;
};

}  // namespace pinnate::module
