// A folder that belongs to one tier of one process: locked, and marked with its kind and version.
//
// The first line of FORMAT is "pinnate <kind> <version>"; lines behind it are ignored. Another version
// than ours is refused, and nothing in that folder is touched. What a later Pinnate may add without a
// new version, since this one leaves it alone:
//   - files and folders of other names;
//   - records of keys that are not known here: they are kept;
//   - fields at the end of what a record holds: they are ignored.
// All else, such as another kind of frame in a file, needs a new version: that of the folder, or of the
// one kind of file, each of which has its own (frame.h; user_version of the database).
#pragma once

#include "base/status.h"
#include "store/files.h"

#include <string>

#include <sys/types.h>

namespace pinnate::store {

class StateFolder {
 public:
  // Makes the folder if it is missing. `kind` is "controller", "gateway" or "engine".
  // PINNATE_IN_USE: open elsewhere, in this process too. PINNATE_INCOMPATIBLE: of another kind or version, or not
  // ours.
  static Result<StateFolder> open(const std::string& dir, const std::string& kind);
  StateFolder(StateFolder&&) noexcept = default;
  StateFolder& operator=(StateFolder&&) = delete;
  ~StateFolder();

  // Absolute: the host may change its working directory.
  const std::string& path() const { return path_; }
  // Makes a folder in it; returns its path.
  Result<std::string> make(const std::string& name) const;

 private:
  StateFolder(std::string path, Descriptor lock);
  Status mark(const std::string& kind) const;

  std::string path_;
  Descriptor lock_;
  pid_t owner_;
};

}  // namespace pinnate::store
