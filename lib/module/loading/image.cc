#include "module/loading/image.h"

#include "base/fork.h"
#include "base/guarded.h"
#include "base/limits.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <list>
#include <map>
#include <mutex>
#include <utility>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

namespace pinnate::module {
namespace {

constexpr char kPrefix[] = "pinnate-image-";

Status system_error(const std::string& what) {
  const int error = errno;
  const Code code = error == ENOSPC || error == EDQUOT ? PINNATE_NO_SPACE
                    : error == ENOMEM                  ? PINNATE_NO_MEMORY
                                                       : PINNATE_IO;
  return {code, what + ": " + std::strerror(error)};
}

constexpr std::chrono::milliseconds kLookAgain{20};  // whether it is given up

bool given_up(const ImageSource& source) { return source.given_up && source.given_up(); }

Status stopped() { return {PINNATE_CANCELLED, "given up"}; }

bool same_file(int fd, const char* path) {
  struct stat a, b;
  return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

}  // namespace

// Images of this process that have the same bytes. One is made at a time: others who want it wait
// for that.
struct Image::SameBytes {
  std::mutex mutex;  // guards `making`, whose turn guards the rest
  std::condition_variable ended;
  bool making = false;
  std::list<std::weak_ptr<const Image>> images;  // the oldest first: most of its mapping is in memory
  std::shared_ptr<Image> begun;  // and given up

  // False: it was given up before its turn came. Else pair it with end().
  bool begin(const ImageSource& source) {
    std::unique_lock lock(mutex);
    while (!ended.wait_for(lock, kLookAgain, [&] { return !making; }))
      if (given_up(source)) return false;
    return making = true;
  }
  void end() {
    const std::lock_guard lock(mutex);
    making = false;
    ended.notify_one();
  }
  std::shared_ptr<const Image> known() {
    std::erase_if(images, [](const auto& each) { return each.expired(); });
    return images.empty() ? nullptr : images.front().lock();
  }
};

std::shared_ptr<Image::SameBytes> Image::same_bytes(const Digest& content) {
  struct Known {
    std::mutex mutex;
    std::map<Digest, std::weak_ptr<SameBytes>> by_content;
  };
  auto& [mutex, known] = one_per_process<Known>();
  const std::lock_guard lock(mutex);
  std::erase_if(known, [](const auto& each) { return each.second.expired(); });
  std::weak_ptr<SameBytes>& of_content = known[content];
  std::shared_ptr<SameBytes> same = content.is_zero() ? nullptr : of_content.lock();
  if (!same) of_content = same = std::make_shared<SameBytes>();
  return same;
}

Image::~Image() {
  if (mapped_) munmap(mapped_, data_.size());
  if (!memory_file_ && !path_.empty()) unlink(path_.c_str());
  if (fd_ >= 0 && forget_in_children(fd_)) close(fd_);
}

Result<std::shared_ptr<const Image>> Image::make(const std::string& label, const ImageSource& source,
                                                 const ImagePlace& place, std::vector<std::uint32_t>& bad) {
  const std::shared_ptr<SameBytes> same = same_bytes(source.content);
  if (!same->begin(source)) return stopped();
  const AtEnd at_end([&] { same->end(); });
  std::shared_ptr<Image> image = std::exchange(same->begun, nullptr);
  if (!image || image->label_ != label) {
    image.reset(new Image);
    image->label_ = label;
    if (Status s = image->open(place); !s.ok()) return s;
    close_in_children(image->fd_);
  }
  const std::shared_ptr<const Image> known = same->known();
  Status filled = known ? image->copy(*known, source) : image->fill(source, bad);
  if (filled.code() == PINNATE_CANCELLED && bad.empty()) same->begun = std::move(image);
  if (filled.ok()) filled = image->seal();
  if (!filled.ok()) return filled;
  same->images.push_back(image);
  image->same_ = same;
  return std::shared_ptr<const Image>(std::move(image));
}

Status Image::open(const ImagePlace& place) {
  if (!place.private_files && open_memory_file("pinnate " + label_)) return {};
  std::string folder = place.folder;
  if (folder.empty()) {
    const char* temporary = secure_getenv("TMPDIR");
    folder = temporary && *temporary ? temporary : "/tmp";
  }
  return open_private_file(folder);
}

bool Image::open_memory_file(const std::string& name) {
  const std::string shown = name.substr(0, 240);  // the kernel takes 249 bytes
  // Kernels from 6.3 on want to be told that it may hold code; older ones do not know the flag.
  fd_ = memfd_create(shown.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
  if (fd_ < 0) fd_ = memfd_create(shown.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd_ < 0) return false;
  path_ = "/proc/self/fd/" + std::to_string(fd_);
  memory_file_ = true;
  if (same_file(fd_, path_.c_str())) return true;  // /proc is there and shows this process
  close(fd_);
  fd_ = -1;
  path_.clear();
  memory_file_ = false;
  return false;
}

Status Image::open_private_file(const std::string& folder) {
  // The dynamic linker takes a name that it has seen for the library that it knows by that name, so
  // none is used twice.
  static std::atomic<std::uint64_t> counter{0};
  for (int attempt = 0; attempt < 100; ++attempt) {
    std::string path = folder + "/" + kPrefix + std::to_string(getpid()) + "-" + std::to_string(++counter);
    fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd_ >= 0) {
      path_ = std::move(path);
      return {};
    }
    if (errno != EEXIST) break;  // else: left by a process of the same number, long ago
  }
  return system_error("cannot make a file for a module in " + folder);
}

Status Image::write(std::string_view bytes, std::uint64_t offset) {
  if (!memory_file_) copy_.append(bytes);
  while (!bytes.empty()) {
    const ssize_t n = pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return system_error("cannot hold " + std::to_string(offset + bytes.size()) + " bytes");
    bytes.remove_prefix(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return {};
}

Status Image::fill(const ImageSource& source, std::vector<std::uint32_t>& bad) {
  std::uint64_t offset = std::uint64_t{filled_} * kChunkBytes;
  Status first_bad;
  for (std::uint32_t i = filled_; i < source.chunk_count; ++i) {
    if (given_up(source)) return stopped();
    const Result<Buffer> chunk = source.read_chunk(i);
    const std::uint64_t expected =
        std::min<std::uint64_t>(kChunkBytes, source.size_bytes - std::min(offset, source.size_bytes));
    if (!chunk.ok()) {
      const Code code = chunk.status().code();
      // PINNATE_IO too: a sector that went bad under one chunk is read well only once the chunk is
      // written elsewhere.
      if (code != PINNATE_CORRUPT && code != PINNATE_NOT_FOUND && code != PINNATE_IO) return chunk.status();
      if (bad.empty()) first_bad = chunk.status();
      bad.push_back(i);
    } else if (chunk->size() != expected) {
      return {PINNATE_CORRUPT, "chunk " + std::to_string(i) + " has " + std::to_string(chunk->size()) +
                                   " bytes instead of " + std::to_string(expected)};
    } else if (Status s = write(chunk->view(), offset); !s.ok()) {
      return s;
    } else if (bad.empty()) {
      filled_ = i + 1;
    }
    offset += expected;
  }
  if (!bad.empty())
    return {first_bad.code(), std::to_string(bad.size()) + " of " + std::to_string(source.chunk_count) +
                                  " chunks are missing or damaged; the first is chunk " + std::to_string(bad.front()) +
                                  ": " + first_bad.message()};
  if (offset != source.size_bytes || source.size_bytes == 0)
    return {PINNATE_CORRUPT, "its " + std::to_string(source.chunk_count) + " chunks do not make " +
                                 std::to_string(source.size_bytes) + " bytes"};
  return {};
}

Status Image::copy(const Image& same, const ImageSource& source) {
  for (; filled_ < source.chunk_count; ++filled_) {
    if (given_up(source)) return stopped();
    const std::uint64_t offset = std::uint64_t{filled_} * kChunkBytes;
    if (Status s = write(same.data().substr(offset, kChunkBytes), offset); !s.ok()) return s;
  }
  return {};
}

Status Image::seal() {
  struct stat st;
  if (fstat(fd_, &st) != 0) return system_error("cannot look at the memory file");
  const auto size = static_cast<std::size_t>(st.st_size);
  if (memory_file_) {
    if (fcntl(fd_, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
      return system_error("cannot seal the memory file");
    void* at = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd_, 0);
    if (at == MAP_FAILED) return system_error("cannot map " + std::to_string(size) + " bytes");
    mapped_ = at;
    data_ = {static_cast<const char*>(at), size};
    return {};
  }
  data_ = copy_;
  // From here on it is only read: what loaders get is a descriptor that cannot write.
  const int reader = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (reader < 0) return system_error("cannot reopen " + path_);
  close(fd_);
  fd_ = reader;
  return {};
}

void remove_stale_images(const std::string& folder) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored))
    if (entry.path().filename().native().starts_with(kPrefix)) std::filesystem::remove(entry.path(), ignored);
}

}  // namespace pinnate::module
