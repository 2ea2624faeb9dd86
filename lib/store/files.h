// Files and folders as a store needs them: whole or not at all, synced, and with errors in words.
#pragma once

#include "base/fork.h"
#include "base/status.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace pinnate::store {

// A file descriptor that is closed with its owner.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) { close_in_children(fd); }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() { close(); }

  bool ok() const { return fd_ >= 0; }
  const int& fd() const { return fd_; }
  void close();

 private:
  int fd_ = -1;
};

// "cannot <doing> '<path>': <why>; <what to do>". PINNATE_NO_SPACE for a full disk, quota or file
// size limit, PINNATE_NOT_FOUND, PINNATE_NO_MEMORY, else PINNATE_IO.
Status os_error(int error, const char* doing, const std::string& path);

// PINNATE_INCOMPATIBLE, in words.
Status other_version(const std::string& what, const std::string& version, std::uint32_t ours);

// `flags` are those of open(2); O_CLOEXEC is added. A new file is for its owner alone.
Result<Descriptor> open_file(const std::string& path, int flags);
// For its owner alone from now on, if it is this user's. Best effort: not every file system knows.
void make_private(const Descriptor& file);
Result<std::uint64_t> file_size(const Descriptor& file, const std::string& path);
// Fewer than `length` bytes are returned only at the end of the file.
Result<std::string> read_at(const Descriptor& file, std::uint64_t offset, std::size_t length, const std::string& path);
// On failure some of `bytes` may have been written.
Status write_at(const Descriptor& file, std::uint64_t offset, std::string_view bytes, const std::string& path);
// Best effort: used to give back space, where a longer file does no harm.
void cut_file(const Descriptor& file, std::uint64_t size);
Status sync_file(const Descriptor& file, const std::string& path);

// Which file it is, whatever its name.
struct FileId {
  dev_t device = 0;
  ino_t number = 0;
  bool operator==(const FileId&) const = default;
};
Result<FileId> file_id(const Descriptor& file, const std::string& path);
Result<FileId> file_id(const std::string& path);
// Not OK: another file stands at `path` by now, or none, and what is written to the open one would
// be lost with it.
Status still_at(const std::string& path, const FileId& opened);

// The whole file, which must be a regular one of at most `most_bytes`: PINNATE_CORRUPT otherwise.
Result<std::string> read_file(const std::string& path, std::size_t most_bytes);
// A file at `path` with what `fill` writes, synced and open; on failure there is what was there
// before. The folder is not synced. Uses `path`.new meanwhile.
using FillFile = std::function<Status(const Descriptor& fresh, const std::string& path)>;
Result<Descriptor> rewrite_file(const std::string& path, const FillFile& fill);
// `folder`/`name` holds `content` on return, after a power loss too; on failure what it held
// before, or, when only the last sync of the folder failed, either.
Status replace_file(const std::string& folder, const std::string& name, std::string_view content);
Status sync_path(const std::string& path);  // a file or a folder, and not what is in the folder
Status remove_file(const std::string& path);  // OK also when it is not there

// Makes `path` and the folders above it that are missing, synced.
Status make_folders(const std::string& path);
// Names of what is in the folder, in no order.
Result<std::vector<std::string>> list_folder(const std::string& path);

}  // namespace pinnate::store
