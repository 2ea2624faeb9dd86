#include "store/artifact_files.h"

#include <algorithm>

#include <fcntl.h>

namespace pinnate::store {
namespace {

constexpr std::size_t kOpenFiles = 16;

}  // namespace

std::string named(const Digest& artifact, std::uint32_t index) {
  return "chunk " + std::to_string(index) + " of artifact " + artifact.hex();
}

Status check_chunk(const Digest& artifact, std::uint32_t index, std::string_view encoded) {
  if (index >= kMostChunks || encoded.empty())
    return {PINNATE_INVALID, named(artifact, index) + ": no such index, or no bytes"};
  if (encoded.size() <= kMostPayloadBytes) return {};
  return {PINNATE_TOO_LARGE, named(artifact, index) + ": " + std::to_string(encoded.size()) +
                                 " bytes are over the limit of " + std::to_string(kMostPayloadBytes)};
}

Result<ArtifactFiles> ArtifactFiles::open(std::string folder) {
  ArtifactFiles files(std::move(folder));
  auto names = list_folder(files.folder_);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    const auto artifact = Digest::from_hex(std::string_view(name).substr(0, 64));
    if (!artifact || !name.starts_with(artifact->hex())) continue;  // not ours
    if (name.size() == 64) {
      if (Status s = files.adopt(*artifact); !s.ok()) return s;
    } else if (name.substr(64) == ".new") {
      (void)remove_file(files.folder_ + "/" + name);
    }
  }
  // A process that died may have made files without syncing their names.
  if (Status s = sync_path(files.folder_); !s.ok()) return s;
  return files;
}

Status ArtifactFiles::adopt(const Digest& artifact) {
  const std::string path = path_of(artifact);
  auto file = open_file(path, O_RDWR | O_NONBLOCK);
  if (!file.ok()) return file.status();
  const auto size = file_size(*file, path);
  if (!size.ok()) return size.status();
  const auto id = file_id(*file, path);
  if (!id.ok()) return id.status();
  const auto adopted = std::make_shared<File>();
  adopted->id = *id;
  auto scan = scan_frames(kArtifactFormat, *file, path, *size,
                          [&](std::uint64_t offset, std::uint32_t index, std::string_view chunk) {
                            adopted->places[index] = {offset, static_cast<std::uint32_t>(chunk.size())};
                          });
  if (!scan.ok()) return scan.status();
  adopted->end = scan->unreadable.ok() ? scan->end : *size;
  adopted->entry_synced = true;
  // Neither of the two need succeed: what stays is overwritten, or skipped again at the next open.
  if (adopted->places.empty() && scan->unreadable.ok()) {
    (void)remove_file(path);
    return {};
  }
  cut_file(*file, adopted->end);
  files_.emplace(artifact, adopted);
  return {};
}

std::map<Digest, std::map<std::uint32_t, std::uint32_t>> ArtifactFiles::held() const {
  std::lock_guard lock(*mutex_);
  std::map<Digest, std::map<std::uint32_t, std::uint32_t>> held;
  for (const auto& [artifact, file] : files_)
    for (const auto& [index, place] : file->places) held[artifact].emplace(index, place.length);
  return held;
}

Result<Buffer> ArtifactFiles::read(const Digest& artifact, std::uint32_t index) {
  std::lock_guard lock(*mutex_);
  return read_locked(artifact, index);
}

Result<Buffer> ArtifactFiles::read_locked(const Digest& artifact, std::uint32_t index) {
  const auto file = files_.find(artifact);
  if (file == files_.end() || !file->second->places.contains(index))
    return {PINNATE_NOT_FOUND, named(artifact, index) + " is not held"};
  const Place place = file->second->places[index];
  auto fd = descriptor(artifact, O_RDWR);
  if (!fd.ok()) return fd.status();
  auto frame = read_at(**fd, place.offset, kFrameHeaderBytes + place.length, path_of(artifact));
  if (!frame.ok()) return frame.status();
  if (frame->size() < kFrameHeaderBytes ||
      *frame != encode_frame(kArtifactFormat, index, std::string_view(*frame).substr(kFrameHeaderBytes)))
    return {PINNATE_CORRUPT,
            named(artifact, index) + ": its bytes in '" + path_of(artifact) + "' are damaged; fetch it again"};
  return Buffer(std::move(*frame)).slice(kFrameHeaderBytes, place.length);
}

Status ArtifactFiles::write(const Digest& artifact, std::uint32_t index, std::string_view encoded) {
  if (Status s = check_chunk(artifact, index, encoded); !s.ok()) return s;
  std::lock_guard lock(*mutex_);
  const auto [file, fresh] = files_.try_emplace(artifact);
  if (fresh) file->second = std::make_shared<File>();
  Status s = append(artifact, file->second.get(), O_RDWR | (fresh ? O_CREAT | O_TRUNC : 0), index, encoded);
  if (!s.ok() && fresh) {
    close(artifact);
    (void)remove_file(path_of(artifact));
    files_.erase(file);
  }
  return s;
}

Status ArtifactFiles::append(const Digest& artifact, File* file, int flags, std::uint32_t index,
                             std::string_view encoded) {
  const std::string path = path_of(artifact), frame = encode_frame(kArtifactFormat, index, encoded);
  const std::string before = file->end == 0 ? encode_file_header(kArtifactFormat) : "";
  auto fd = descriptor(artifact, flags);
  if (!fd.ok()) return fd.status();
  if (file->end == 0) {
    const auto id = file_id(**fd, path);
    if (!id.ok()) return id.status();
    file->id = *id;
  }
  if (Status s = write_at(**fd, file->end, before + frame, path); !s.ok()) {
    cut_file(**fd, file->end);  // of what stays, the next frame is written over it
    return s;
  }
  file->end += before.size();
  file->places[index] = {file->end, static_cast<std::uint32_t>(encoded.size())};
  file->end += frame.size();
  return {};
}

Status ArtifactFiles::sync(const Digest& artifact) {
  std::unique_lock lock(*mutex_);
  const auto found = files_.find(artifact);
  if (found == files_.end()) return {PINNATE_NOT_FOUND, "artifact " + artifact.hex() + " is not held"};
  const std::shared_ptr<File> file = found->second;
  if (Status s = still_at(path_of(artifact), file->id); !s.ok()) return s;
  if (file->doubtful) return rewrite(artifact, file.get());
  if (file->synced < file->end) {
    const std::uint64_t end = file->end;
    auto fd = descriptor(artifact, O_RDWR);
    if (!fd.ok()) return fd.status();
    lock.unlock();
    const Status s = sync_file(**fd, path_of(artifact));
    lock.lock();
    file->doubtful = !s.ok();
    if (!s.ok()) return s;
    file->synced = end;
  }
  if (file->entry_synced) return {};
  lock.unlock();
  const Status s = sync_path(folder_);
  lock.lock();
  file->entry_synced = s.ok();
  return s;
}

// A second fdatasync after a failed one reports success for bytes that never reached the disk. So
// they are all written anew.
Status ArtifactFiles::rewrite(const Digest& artifact, File* file) {
  File copy;
  auto fresh = rewrite_file(path_of(artifact), [&](const Descriptor& fd, const std::string& path) -> Status {
    std::string bytes = encode_file_header(kArtifactFormat);
    for (const auto& [index, place] : file->places) {
      auto chunk = read_locked(artifact, index);
      if (!chunk.ok()) return chunk.status();
      copy.places[index] = {copy.end + (copy.end == 0 ? bytes.size() : 0), place.length};
      bytes += encode_frame(kArtifactFormat, index, chunk->view());
      if (Status s = write_at(fd, copy.end, bytes, path); !s.ok()) return s;
      copy.end += bytes.size();
      bytes.clear();
    }
    return {};
  });
  const auto id = fresh.ok() ? file_id(*fresh, path_of(artifact)) : Result<FileId>(fresh.status());
  if (!id.ok()) return id.status();
  close(artifact);
  copy.id = *id;
  copy.synced = copy.end;
  *file = std::move(copy);
  const Status s = sync_path(folder_);
  file->entry_synced = s.ok();
  return s;
}

Status ArtifactFiles::drop(const Digest& artifact) {
  std::lock_guard lock(*mutex_);
  const auto file = files_.find(artifact);
  if (file == files_.end()) return {};
  close(artifact);
  if (Status s = remove_file(path_of(artifact)); !s.ok()) return s;
  files_.erase(file);
  return {};
}

Result<ArtifactFiles::OpenFile> ArtifactFiles::descriptor(const Digest& artifact, int flags) {
  const auto found =
      std::find_if(open_.begin(), open_.end(), [&](const auto& entry) { return entry.first == artifact; });
  if (found != open_.end()) {
    open_.splice(open_.begin(), open_, found);
    return open_.front().second;
  }
  if (open_.size() >= kOpenFiles) open_.pop_back();
  auto fd = open_file(path_of(artifact), flags);
  if (!fd.ok()) return fd.status();
  open_.emplace_front(artifact, std::make_shared<const Descriptor>(std::move(*fd)));
  return open_.front().second;
}

void ArtifactFiles::close(const Digest& artifact) {
  open_.remove_if([&](const auto& entry) { return entry.first == artifact; });
}

}  // namespace pinnate::store
