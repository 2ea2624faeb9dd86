// Chunks on disk: one file per artifact, named by its digest, to which records are appended (artifact_record.h).
#pragma once

#include "base/buffer.h"
#include "base/digest.h"
#include "base/status.h"
#include "store/artifact_scan.h"
#include "store/files.h"

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <utility>

namespace pinnate::store {

class ArtifactFiles {
 public:
  // Reads and checks all that is in `folder`, which exists.
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
  struct File {
    std::map<std::uint32_t, RecordPlace> places;
    std::uint64_t end = 0;  // where the next record goes
    bool unsynced = true;  // bytes of it
    bool entry_unsynced = true;  // its name in the folder
    bool doubtful = false;  // a sync failed, after which the kernel may have forgotten bytes that it still shows
  };
  using Files = std::map<Digest, File>;

  explicit ArtifactFiles(std::string folder) : folder_(std::move(folder)) {}
  std::string path_of(const Digest& artifact) const { return folder_ + "/" + artifact.hex(); }
  Status adopt(const Digest& artifact);
  // Open until 16 others have been used since.
  Result<const Descriptor*> descriptor(const Digest& artifact, int flags);
  void close(const Digest& artifact);
  Status append(const Digest& artifact, File* file, int flags, std::uint32_t index, std::string_view encoded);
  Status rewrite(Files::iterator file);

  std::string folder_;
  Files files_;
  std::list<std::pair<Digest, Descriptor>> open_;  // latest use first
};

}  // namespace pinnate::store
