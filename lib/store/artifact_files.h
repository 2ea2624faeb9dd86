// Chunks on disk: one file per artifact, named by its digest, to which a frame is appended for each
// chunk (frame.h): its tag is the chunk's index, its payload the encoded chunk.
#pragma once

#include "base/buffer.h"
#include "base/digest.h"
#include "base/limits.h"
#include "base/status.h"
#include "store/files.h"
#include "store/frame.h"

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace pinnate::store {

inline constexpr std::size_t kMostPayloadBytes = kChunkBytes + 1;  // content/chunk.h
inline constexpr std::uint32_t kMostChunks = static_cast<std::uint32_t>(kArtifactCeilingBytes / kChunkBytes);
inline constexpr FrameFormat kArtifactFormat{"PNA1", "PNC1", 1, kMostChunks, kMostPayloadBytes};

std::string named(const Digest& artifact, std::uint32_t index);  // of a chunk, in words
// PINNATE_INVALID, PINNATE_TOO_LARGE.
Status check_chunk(const Digest& artifact, std::uint32_t index, std::string_view encoded);

// Any thread. One sync at a time, which holds up nobody else while the disk works.
class ArtifactFiles {
 public:
  // Reads and checks all that is in `folder`. PINNATE_INCOMPATIBLE: of a newer version.
  static Result<ArtifactFiles> open(std::string folder);

  bool empty() const { return files_.empty(); }
  // artifact -> index -> stored bytes.
  std::map<Digest, std::map<std::uint32_t, std::uint32_t>> held() const;

  // As the functions of store.h.
  Result<Buffer> read(const Digest& artifact, std::uint32_t index);
  Status write(const Digest& artifact, std::uint32_t index, std::string_view encoded);
  Status sync(const Digest& artifact);
  Status drop(const Digest& artifact);

 private:
  struct Place {
    std::uint64_t offset = 0;  // of the frame
    std::uint32_t length = 0;  // of the payload
  };
  struct File {
    std::map<std::uint32_t, Place> places;  // by chunk; of several frames of one chunk the last
    FileId id;
    std::uint64_t end = 0;  // where the next frame goes
    std::uint64_t synced = 0;  // up to here
    bool entry_synced = false;  // its name in the folder
    bool doubtful = false;  // a sync failed, after which the kernel may have forgotten bytes that it still shows
  };
  using OpenFile = std::shared_ptr<const Descriptor>;

  explicit ArtifactFiles(std::string folder) : folder_(std::move(folder)) {}
  std::string path_of(const Digest& artifact) const { return folder_ + "/" + artifact.hex(); }
  Status adopt(const Digest& artifact);
  // Kept open until 16 others have been used since.
  Result<OpenFile> descriptor(const Digest& artifact, int flags);
  void close(const Digest& artifact);
  Result<Buffer> read_locked(const Digest& artifact, std::uint32_t index);
  Status append(const Digest& artifact, File* file, int flags, std::uint32_t index, std::string_view encoded);
  Status rewrite(const Digest& artifact, File* file);

  std::string folder_;
  std::unique_ptr<std::mutex> mutex_ = std::make_unique<std::mutex>();  // for all below
  std::map<Digest, std::shared_ptr<File>> files_;  // shared with a sync under way
  std::list<std::pair<Digest, OpenFile>> open_;  // latest use first
};

}  // namespace pinnate::store
