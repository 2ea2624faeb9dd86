// A folder that belongs to one tier of one process: locked, and marked with its kind and version.
//
// The first line of FORMAT is "pinnate <kind> <version>"; lines behind it are ignored. Another
// version than ours is refused, and nothing in that folder is touched. Without a new version a
// later Pinnate may add files and folders of other names, records of other keys, which are kept,
// and fields at the end of what a record holds. All else needs a new version: of the folder, or of
// the one kind of file (frame.h; user_version of the database).
#pragma once

#include "base/status.h"
#include "store/files.h"

#include <string>
#include <utility>

#include <unistd.h>

namespace pinnate::store {

class StateFolder {
 public:
  // Makes the folder if it is missing. `kind` is "controller", "gateway" or "engine".
  // PINNATE_IN_USE: open elsewhere, in this process too. PINNATE_INCOMPATIBLE: of another kind or
  // version, or not ours.
  static Result<StateFolder> open(const std::string& dir, const std::string& kind);
  StateFolder(StateFolder&&) noexcept = default;
  StateFolder& operator=(StateFolder&&) = delete;
  ~StateFolder();

  // Absolute: the host may change its working directory.
  const std::string& path() const { return path_; }
  // Not OK: the folder is not at its path any more. Nothing may be written there: it is another's,
  // or a copy that is to be opened anew.
  Status check() const { return still_at(path_ + "/LOCK", lock_id_); }
  // Makes a folder in it; returns its path.
  Result<std::string> make(const std::string& name) const;

 private:
  StateFolder(std::string path, Descriptor lock, FileId lock_id)
      : path_(std::move(path)), lock_(std::move(lock)), lock_id_(lock_id) {}
  Status mark(const std::string& kind) const;

  std::string path_;
  Descriptor lock_;
  FileId lock_id_;
  pid_t owner_ = ::getpid();
};

}  // namespace pinnate::store
