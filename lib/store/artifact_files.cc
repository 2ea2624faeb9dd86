#include "store/artifact_files.h"

#include "store/artifact_record.h"

#include <algorithm>

#include <fcntl.h>

namespace pinnate::store {
namespace {

constexpr std::size_t kOpenFiles = 16;

std::string named(const Digest& artifact, std::uint32_t index) {
  return "chunk " + std::to_string(index) + " of artifact " + artifact.hex();
}

}  // namespace

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
  auto scan = scan_artifact(*file, path);
  if (!scan.ok()) return scan.status();
  // Neither of the two need succeed: what stays is overwritten, or skipped again at the next open.
  if (scan->places.empty() && scan->end == 0) {
    (void)remove_file(path);
    return {};
  }
  cut_file(*file, scan->end);
  File adopted;
  adopted.places = std::move(scan->places);
  adopted.end = scan->end;
  adopted.entry_unsynced = false;
  files_.emplace(artifact, std::move(adopted));
  return {};
}

std::map<Digest, std::map<std::uint32_t, std::uint32_t>> ArtifactFiles::held() const {
  std::map<Digest, std::map<std::uint32_t, std::uint32_t>> held;
  for (const auto& [artifact, file] : files_)
    for (const auto& [index, place] : file.places) held[artifact].emplace(index, place.length);
  return held;
}

Result<Buffer> ArtifactFiles::read(const Digest& artifact, std::uint32_t index) {
  const auto file = files_.find(artifact);
  if (file == files_.end() || !file->second.places.contains(index))
    return {PINNATE_NOT_FOUND, named(artifact, index) + " is not held"};
  const RecordPlace place = file->second.places[index];
  auto fd = descriptor(artifact, O_RDWR);
  if (!fd.ok()) return fd.status();
  auto record = read_at(**fd, place.offset, kRecordHeaderBytes + place.length, path_of(artifact));
  if (!record.ok()) return record.status();
  const auto header = read_record_header(*record);
  if (!header || header->index != index || header->length != place.length || !is_intact(*record))
    return {PINNATE_CORRUPT,
            named(artifact, index) + ": its bytes in '" + path_of(artifact) + "' are damaged; fetch it again"};
  return Buffer(std::move(*record)).slice(kRecordHeaderBytes, place.length);
}

Status ArtifactFiles::write(const Digest& artifact, std::uint32_t index, std::string_view encoded) {
  if (index >= kMostChunks || encoded.empty())
    return {PINNATE_INVALID, named(artifact, index) + ": no such index, or no bytes"};
  if (encoded.size() > kMostPayloadBytes)
    return {PINNATE_TOO_LARGE, named(artifact, index) + ": " + std::to_string(encoded.size()) +
                                   " bytes are over the limit of " + std::to_string(kMostPayloadBytes)};
  const auto [file, fresh] = files_.try_emplace(artifact);
  Status s = append(artifact, &file->second, O_RDWR | (fresh ? O_CREAT | O_TRUNC : 0), index, encoded);
  if (!s.ok() && fresh) {
    close(artifact);
    (void)remove_file(path_of(artifact));
    files_.erase(file);
  }
  return s;
}

Status ArtifactFiles::append(const Digest& artifact, File* file, int flags, std::uint32_t index,
                             std::string_view encoded) {
  const std::string path = path_of(artifact), record = encode_record(index, encoded);
  auto fd = descriptor(artifact, flags);
  if (!fd.ok()) return fd.status();
  file->unsynced = true;
  if (Status s = write_at(**fd, file->end, record, path); !s.ok()) {
    // Gives back the space of the piece that was written. If it stays, the next record overwrites it.
    cut_file(**fd, file->end);
    return s;
  }
  file->places[index] = {file->end, static_cast<std::uint32_t>(encoded.size())};
  file->end += record.size();
  return {};
}

Status ArtifactFiles::sync(const Digest& artifact) {
  const auto file = files_.find(artifact);
  if (file == files_.end()) return {PINNATE_NOT_FOUND, "artifact " + artifact.hex() + " is not held"};
  if (file->second.doubtful) return rewrite(file);
  if (file->second.unsynced) {
    auto fd = descriptor(artifact, O_RDWR);
    if (!fd.ok()) return fd.status();
    if (Status s = sync_file(**fd, path_of(artifact)); !s.ok()) {
      file->second.doubtful = true;
      return s;
    }
    file->second.unsynced = false;
  }
  if (file->second.entry_unsynced) {
    if (Status s = sync_path(folder_); !s.ok()) return s;
    file->second.entry_unsynced = false;
  }
  return {};
}

// A second fdatasync after a failed one reports success for bytes that never reached the disk. So they are all
// written anew.
Status ArtifactFiles::rewrite(Files::iterator file) {
  const Digest& artifact = file->first;
  const std::string path = path_of(artifact), fresh = path + ".new";
  File copy;
  Status s;
  {
    auto fd = open_file(fresh, O_RDWR | O_CREAT | O_TRUNC);
    if (!fd.ok()) return fd.status();
    for (const auto& [index, place] : file->second.places) {
      auto chunk = read(artifact, index);
      if (!chunk.ok()) s = chunk.status();
      if (s.ok()) s = write_at(*fd, copy.end, encode_record(index, chunk->view()), fresh);
      if (!s.ok()) break;
      copy.places[index] = {copy.end, place.length};
      copy.end += kRecordHeaderBytes + place.length;
    }
    if (s.ok()) s = sync_file(*fd, fresh);
  }
  if (s.ok()) s = rename_file(fresh, path);
  if (!s.ok()) {
    (void)remove_file(fresh);
    return s;
  }
  close(artifact);
  copy.unsynced = false;
  file->second = std::move(copy);
  if (s = sync_path(folder_); s.ok()) file->second.entry_unsynced = false;
  return s;
}

Status ArtifactFiles::drop(const Digest& artifact) {
  const auto file = files_.find(artifact);
  if (file == files_.end()) return {};
  close(artifact);
  if (Status s = remove_file(path_of(artifact)); !s.ok()) return s;
  files_.erase(file);
  return {};
}

Result<const Descriptor*> ArtifactFiles::descriptor(const Digest& artifact, int flags) {
  const auto found =
      std::find_if(open_.begin(), open_.end(), [&](const auto& entry) { return entry.first == artifact; });
  if (found != open_.end()) {
    open_.splice(open_.begin(), open_, found);
    return &open_.front().second;
  }
  if (open_.size() >= kOpenFiles) open_.pop_back();
  auto fd = open_file(path_of(artifact), flags);
  if (!fd.ok()) return fd.status();
  open_.emplace_front(artifact, std::move(*fd));
  return &open_.front().second;
}

void ArtifactFiles::close(const Digest& artifact) {
  open_.remove_if([&](const auto& entry) { return entry.first == artifact; });
}

}  // namespace pinnate::store
