// The plain bytes of one artifact to be published: memory copied from the host, or a file that is
// read piece by piece and must not change meanwhile. Reading may happen on several threads at once.
#pragma once

#include "base/buffer.h"
#include "base/status.h"

#include <pinnate/common.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace pinnate::runtime {

class ArtifactSource {
 public:
  static Result<ArtifactSource> open_file(const std::string& path);
  static ArtifactSource copy_of(pinnate_bytes bytes);

  std::uint64_t size_bytes() const { return size_bytes_; }
  // Exactly these bytes; `room` is where they are put when they come from a file. PINNATE_CONFLICT
  // when the file has changed.
  Result<std::string_view> read(std::uint64_t offset, std::size_t length, std::string* room) const;

  // False: what is read is what was read before.
  bool may_change() const { return file_ != nullptr; }
  Status changed() const;
  // Reads all of a file into memory, and lets go of the file. On one thread, before others read.
  Status hold();

 private:
  struct File;
  std::shared_ptr<const File> file_;  // or nothing, and then
  Buffer memory_;
  std::uint64_t size_bytes_ = 0;
};

}  // namespace pinnate::runtime
