// A shared object of the built-in loader: from its bytes into memory, and out again where that is
// safe.
#pragma once

#include <pinnate/loader.h>
#include <pinnate/module.h>

#include "base/digest.h"
#include "base/status.h"
#include "module/loading/kept_images.h"
#include "module/loading/linked_objects.h"

#include <memory>
#include <set>
#include <string>
#include <vector>

namespace pinnate::module {

// Beside the image, what the built-in loader goes by.
struct NativeLoad {
  const pinnate_image& image;
  Digest artifact;
  const std::vector<std::string>& allowed;  // words of findings that the publisher insists on
  KeptImages::Owner engine;
};

class NativeModule {
 public:
  // On a thread that holds the LinkerLock, as let_go. `warnings`: what of it costs, in words.
  static Result<std::unique_ptr<NativeModule>> load(const NativeLoad& from, std::vector<std::string>& warnings);
  // Unmaps it, or keeps it: see KeptImages. True: it is in memory still.
  static bool let_go(std::unique_ptr<NativeModule> module);
  ~NativeModule();  // unmaps it, whatever is in it
  NativeModule(const NativeModule&) = delete;
  NativeModule& operator=(const NativeModule&) = delete;

  const pinnate_descriptor& descriptor() const { return *descriptor_; }
  const LinkedObject& object() const { return object_; }
  const std::string& function() const { return function_; }
  const std::string& version() const { return version_; }
  const Digest& artifact() const { return artifact_; }
  const std::set<pid_t>& threads_before() const { return threads_before_; }
  // As its bytes say: it calls umask, or has libraries or a runtime that may.
  bool may_set_umask() const { return may_set_umask_; }

 private:
  NativeModule() = default;
  void pin_what_came_along(const std::vector<LinkedObject>& before);
  static bool unmap(std::unique_ptr<NativeModule> module);  // as let_go

  std::string function_, version_;
  Digest artifact_;
  std::weak_ptr<const KeptLimits> engine_;
  void* handle_ = nullptr;
  // Our own descriptor of the image. It stays open until dlclose, so that no other file gets the
  // path under which glibc knows this object.
  int fd_ = -1;
  const pinnate_descriptor* descriptor_ = nullptr;
  LinkedObject object_;
  std::set<pid_t> threads_before_;
  bool may_set_umask_ = true;
  std::string stays_;  // why it is never unmapped, as its bytes say; or ""
};

}  // namespace pinnate::module
