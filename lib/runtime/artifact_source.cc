#include "runtime/artifact_source.h"

#include "store/files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <ctime>

namespace pinnate::runtime {

struct ArtifactSource::File {
  std::string path;
  store::Descriptor descriptor;
  struct timespec modified;
};

Result<ArtifactSource> ArtifactSource::open_file(const std::string& path) {
  // Not to wait for the other end, should it be a pipe.
  auto descriptor = store::open_file(path, O_RDONLY | O_NONBLOCK);
  if (!descriptor.ok()) return descriptor.status();
  struct stat facts;
  if (::fstat(descriptor->fd(), &facts) != 0) return store::os_error(errno, "examine", path);
  if (!S_ISREG(facts.st_mode)) return {PINNATE_INVALID, "'" + path + "' is not a regular file"};
  ArtifactSource source;
  source.file_ = std::make_shared<const File>(File{path, std::move(*descriptor), facts.st_mtim});
  source.size_bytes_ = static_cast<std::uint64_t>(facts.st_size);
  return source;
}

ArtifactSource ArtifactSource::copy_of(pinnate_bytes bytes) {
  ArtifactSource source;
  source.memory_ = Buffer(std::string(static_cast<const char*>(bytes.data), bytes.size));
  source.size_bytes_ = bytes.size;
  return source;
}

Status ArtifactSource::changed() const {
  return {PINNATE_CONFLICT,
          "'" + file_->path + "' changed while it was being published: publish it again when it no longer changes"};
}

Status ArtifactSource::hold() {
  if (!file_) return {};
  std::string room;
  if (const auto all = read(0, size_bytes_, &room); !all.ok()) return all.status();
  memory_ = Buffer(std::move(room));
  file_ = nullptr;
  return {};
}

Result<std::string_view> ArtifactSource::read(std::uint64_t offset, std::size_t length, std::string* room) const {
  if (!file_) return memory_.view().substr(offset, length);
  Result<std::string> bytes = store::read_at(file_->descriptor, offset, length, file_->path);
  if (!bytes.ok()) return bytes.status();
  *room = std::move(*bytes);
  if (room->size() < length) return changed();  // cut short
  // Asked after reading: what was read is then of the file as it was opened.
  struct stat facts;
  if (::fstat(file_->descriptor.fd(), &facts) != 0) return store::os_error(errno, "examine", file_->path);
  if (static_cast<std::uint64_t>(facts.st_size) != size_bytes_ || facts.st_mtim.tv_sec != file_->modified.tv_sec ||
      facts.st_mtim.tv_nsec != file_->modified.tv_nsec)
    return changed();
  return std::string_view(*room);
}

}  // namespace pinnate::runtime
