#include "store/files.h"

#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace pinnate::store {
namespace {

constexpr mode_t kFileMode = 0600, kFolderMode = 0700;  // configurations may hold secrets

template <typename Call>
auto uninterrupted(Call call) {
  for (;;) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

const char* advice(int error) {
  if (error == ENOSPC || error == EDQUOT) return "; free some space there";
  if (error == EFBIG) return "; raise the file size limit";
  if (error == EACCES || error == EPERM) return "; give this process the right to";
  if (error == EROFS) return "; mount it writable or choose another folder";
  if (error == EMFILE || error == ENFILE) return "; raise the limit on open files";
  return "";
}

}  // namespace

void Descriptor::close() {
  if (ok() && forget_in_children(fd_)) ::close(fd_);
  fd_ = -1;
}

Status other_version(const std::string& what, const std::string& version, std::uint32_t ours) {
  return {PINNATE_INCOMPATIBLE, what + " is of version " + version + ", and this is for version " +
                                    std::to_string(ours) +
                                    ": use the version of Pinnate that made it, or another folder"};
}

Status os_error(int error, const char* doing, const std::string& path) {
  Code code = PINNATE_IO;
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) code = PINNATE_NO_SPACE;
  if (error == ENOENT) code = PINNATE_NOT_FOUND;
  if (error == ENOMEM) code = PINNATE_NO_MEMORY;
  return {code, std::string("cannot ") + doing + " '" + path + "': " + std::generic_category().message(error) +
                    advice(error)};
}

Result<Descriptor> open_file(const std::string& path, int flags) {
  const int fd = uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, kFileMode); });
  if (fd < 0) return os_error(errno, "open", path);
  return Descriptor(fd);
}

void make_private(const Descriptor& file) {
  struct stat st;
  if (::fstat(file.fd(), &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != ::geteuid()) return;
  if ((st.st_mode & 07777 & ~kFileMode) != 0 && ::fchmod(file.fd(), st.st_mode & kFileMode) != 0) return;
}

Result<std::uint64_t> file_size(const Descriptor& file, const std::string& path) {
  struct stat st;
  if (::fstat(file.fd(), &st) != 0) return os_error(errno, "examine", path);
  if (!S_ISREG(st.st_mode)) return {PINNATE_CORRUPT, "'" + path + "' is not a regular file"};
  return static_cast<std::uint64_t>(st.st_size);
}

Result<std::string> read_at(const Descriptor& file, std::uint64_t offset, std::size_t length, const std::string& path) {
  std::string bytes(length, '\0');
  std::size_t got = 0;
  while (got < length) {
    const ssize_t n = uninterrupted(
        [&] { return ::pread(file.fd(), bytes.data() + got, length - got, static_cast<off_t>(offset + got)); });
    if (n < 0) return os_error(errno, "read", path);
    if (n == 0) break;
    got += static_cast<std::size_t>(n);
  }
  bytes.resize(got);
  return bytes;
}

Status write_at(const Descriptor& file, std::uint64_t offset, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n =
        uninterrupted([&] { return ::pwrite(file.fd(), bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
    if (n < 0) return os_error(errno, "write", path);
    if (n == 0) return os_error(ENOSPC, "write", path);
    bytes.remove_prefix(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return {};
}

void cut_file(const Descriptor& file, std::uint64_t size) {
  if (::ftruncate(file.fd(), static_cast<off_t>(size)) != 0) return;  // glibc insists on its result being looked at
}

Status sync_file(const Descriptor& file, const std::string& path) {
  if (uninterrupted([&] { return ::fdatasync(file.fd()); }) == 0) return {};
  return os_error(errno, "sync", path);
}

Result<FileId> file_id(const Descriptor& file, const std::string& path) {
  struct stat st;
  if (::fstat(file.fd(), &st) != 0) return os_error(errno, "examine", path);
  return FileId{st.st_dev, st.st_ino};
}

Result<FileId> file_id(const std::string& path) {
  struct stat st;
  if (::stat(path.c_str(), &st) != 0) return os_error(errno, "examine", path);
  return FileId{st.st_dev, st.st_ino};
}

Status still_at(const std::string& path, const FileId& opened) {
  const auto there = file_id(path);
  if (there.ok() && *there == opened) return {};
  if (!there.ok() && there.status().code() != PINNATE_NOT_FOUND) return there.status();
  return {PINNATE_IO, "'" + path + "' is " + (there.ok() ? "another file than" : "no longer there as") +
                          " the one that was opened: it or its folder was replaced, renamed or removed, or lies " +
                          "under a mount; nothing is written until it is back: put it back, or restart to go on " +
                          "with what is there now"};
}

Result<std::string> read_file(const std::string& path, std::size_t most_bytes) {
  auto file = open_file(path, O_RDONLY | O_NONBLOCK);  // a FIFO in its place must not hold us up
  if (!file.ok()) return file.status();
  auto size = file_size(*file, path);
  if (!size.ok()) return size.status();
  if (*size > most_bytes)
    return {PINNATE_CORRUPT,
            "'" + path + "' is larger than the " + std::to_string(most_bytes) + " bytes that it may be"};
  return read_at(*file, 0, static_cast<std::size_t>(*size), path);
}

Result<Descriptor> rewrite_file(const std::string& path, const FillFile& fill) {
  const std::string fresh = path + ".new";
  auto file = open_file(fresh, O_RDWR | O_CREAT | O_TRUNC);
  if (!file.ok()) return file;
  Status s = fill(*file, fresh);
  if (s.ok()) s = sync_file(*file, fresh);
  if (s.ok() && ::rename(fresh.c_str(), path.c_str()) != 0) s = os_error(errno, "replace", path);
  if (s.ok()) return file;
  ::unlink(fresh.c_str());
  return s;
}

Status replace_file(const std::string& folder, const std::string& name, std::string_view content) {
  const auto file = rewrite_file(folder + "/" + name, [&](const Descriptor& fresh, const std::string& path) {
    return write_at(fresh, 0, content, path);
  });
  return file.ok() ? sync_path(folder) : file.status();
}

Status sync_path(const std::string& path) {
  auto file = open_file(path, O_RDONLY);
  if (!file.ok()) return file.status();
  if (uninterrupted([&] { return ::fsync(file->fd()); }) == 0) return {};
  if (errno == EINVAL) return {};  // a file system whose folders cannot be synced keeps their entries by itself
  return os_error(errno, "sync", path);
}

Status remove_file(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return os_error(errno, "remove", path);
}

Status make_folders(const std::string& path) {
  for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    if (::mkdir(part.c_str(), kFolderMode) == 0) {
      const std::size_t above = part.find_last_of('/');
      if (Status s = sync_path(above == std::string::npos ? "." : part.substr(0, above + 1)); !s.ok()) return s;
    } else if (const int error = errno; error != EEXIST) {
      struct stat st;  // a folder above may be one that we could not make, EROFS say, and need not
      if (::stat(part.c_str(), &st) != 0 || !S_ISDIR(st.st_mode)) return os_error(error, "make the folder", part);
    }
    if (slash == std::string::npos) break;
  }
  struct stat st;
  if (::stat(path.c_str(), &st) != 0) return os_error(errno, "examine", path);
  if (!S_ISDIR(st.st_mode))
    return {PINNATE_INVALID, "'" + path + "' is not a folder; name one, or one that can be made"};
  return {};
}

Result<std::vector<std::string>> list_folder(const std::string& path) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error))
    names.push_back(entry->path().filename().string());
  if (error) return os_error(error.value(), "list", path);
  return names;
}

}  // namespace pinnate::store
