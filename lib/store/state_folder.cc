#include "store/state_folder.h"

#include "base/words.h"
#include "store/holders.h"

#include <cerrno>
#include <filesystem>

#include <fcntl.h>
#include <sys/file.h>

namespace pinnate::store {
namespace {

constexpr char kFormatVersion[] = "1";
constexpr std::size_t kFormatBytes = 4096;

std::string format_of(const std::string& kind) { return "pinnate " + kind + " " + kFormatVersion + "\n"; }

// PINNATE_NOT_FOUND: nobody's yet.
Status check_format(const std::string& path, const std::string& kind) {
  const auto found = read_file(path + "/FORMAT", kFormatBytes);
  if (!found.ok() || found->starts_with(format_of(kind))) return found.status();
  const std::string shown = one_line(std::string_view(*found).substr(0, found->find('\n')), 128);
  return {PINNATE_INCOMPATIBLE, "the folder '" + path + "' says it is '" + shown + "', and this is 'pinnate " + kind +
                                    " " + kFormatVersion +
                                    "': choose another folder, or the version of Pinnate that made this one"};
}

}  // namespace

// Closing alone would leave the folder locked while a child of fork() has the descriptor; and such
// a child must not unlock its parent's.
StateFolder::~StateFolder() {
  if (lock_.ok() && ::getpid() == owner_) ::flock(lock_.fd(), LOCK_UN);
}

Result<StateFolder> StateFolder::open(const std::string& dir, const std::string& kind) {
  if (dir.empty() || dir.find('\0') != std::string::npos)
    return {PINNATE_INVALID, "the path of the folder is empty or no path"};
  std::error_code error;
  std::string path = std::filesystem::absolute(dir, error).string();
  if (error) return os_error(error.value(), "find", dir);
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  // Before anything is touched, and again under the lock.
  if (Status s = check_format(path, kind); s.code() == PINNATE_INCOMPATIBLE) return s;
  if (Status s = make_folders(path); !s.ok()) return s;

  auto lock = open_file(path + "/LOCK", O_RDWR | O_CREAT);
  if (!lock.ok()) return lock.status();
  const auto lock_id = file_id(*lock, path + "/LOCK");
  if (!lock_id.ok()) return lock_id.status();
  if (::flock(lock->fd(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return os_error(errno, "lock", path + "/LOCK");
    const std::string holders = holders_of(*lock_id, lock->fd());
    return {PINNATE_IN_USE, "the folder '" + path + "' is in use by " +
                                (holders.empty() ? "another process, or by another handle of this one" : holders) +
                                "; close that, or give each a folder of its own"};
  }
  StateFolder folder(std::move(path), std::move(*lock), *lock_id);
  Status format = check_format(folder.path_, kind);
  if (format.code() == PINNATE_NOT_FOUND) format = folder.mark(kind);
  if (!format.ok()) return format;
  return folder;
}

Status StateFolder::mark(const std::string& kind) const {
  // FORMAT comes before anything else of ours, so what is here without it is not ours to change.
  auto names = list_folder(path_);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names)
    if (name == "records.log" || name == "artifacts" || name == "state.db")
      return {PINNATE_INCOMPATIBLE, "the folder '" + path_ + "' holds '" + name +
                                        "' but no FORMAT file that says whose it is: choose " +
                                        "another folder, or restore the whole of this one"};
  return replace_file(path_, "FORMAT", format_of(kind));
}

Result<std::string> StateFolder::make(const std::string& name) const {
  std::string path = path_ + "/" + name;
  if (Status s = make_folders(path); !s.ok()) return s;
  // It may be there because a process made it and died before it was synced.
  if (Status s = sync_path(path_); !s.ok()) return s;
  return path;
}

}  // namespace pinnate::store
