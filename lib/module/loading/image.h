// An artifact as the loaders get it: a sealed memory file, its bytes mapped, and a path that opens
// it and nothing else.
//
// Where memfd_create or /proc is missing (or `private_files` asks for it) it is a file of mode 0600
// in a folder instead, under a name that this process never uses twice, removed when the image
// goes. Such a file could be cut short by others, so there `data` is a copy in memory and not a
// mapping, which would raise SIGBUS.
//
// Each image is a file of its own: glibc takes two that are one file for one object, with one state
// for both. Their bytes are read and verified once: an image is copied from a living one of this
// process that was made of the same chunks.
#pragma once

#include "base/buffer.h"
#include "base/digest.h"
#include "base/status.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pinnate::module {

// What an image is made of.
struct ImageSource {
  // Equal only where the bytes are, whoever says so. All zeros: nothing is known to be equal.
  Digest content;
  std::uint64_t size_bytes = 0;
  std::uint32_t chunk_count = 0;
  std::function<Result<Buffer>(std::uint32_t index)> read_chunk;  // plain and verified
  std::function<bool()> given_up{};  // nobody waits for it any more; looked at for each chunk
};

struct ImagePlace {
  std::string folder;  // for private files; "": $TMPDIR, else /tmp
  bool private_files = false;
};

class Image {
 public:
  // `label` is what the memory map calls it. Reads all chunks in ascending order, unless the bytes
  // are here already. Those that are PINNATE_CORRUPT, PINNATE_NOT_FOUND or PINNATE_IO are listed in
  // `bad` and the rest is still read, so that one answer names them all.
  // PINNATE_CANCELLED: it was given up.
  static Result<std::shared_ptr<const Image>> make(const std::string& label, const ImageSource& source,
                                                   const ImagePlace& place, std::vector<std::uint32_t>& bad);
  // For as long as this is held, what was filled of an image of these bytes when it was given up is
  // kept, and the next one of the same label goes on there.
  static std::shared_ptr<void> keep_begun(const Digest& content) { return same_bytes(content); }
  ~Image();
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;

  int fd() const { return fd_; }
  const std::string& path() const { return path_; }
  std::string_view data() const { return data_; }

 private:
  struct SameBytes;
  static std::shared_ptr<SameBytes> same_bytes(const Digest& content);

  Image() = default;
  Status open(const ImagePlace& place);
  bool open_memory_file(const std::string& name);
  Status open_private_file(const std::string& folder);
  Status fill(const ImageSource& source, std::vector<std::uint32_t>& bad);
  Status copy(const Image& same, const ImageSource& source);
  Status write(std::string_view bytes, std::uint64_t offset);
  Status seal();

  std::string label_;
  std::uint32_t filled_ = 0;  // chunks that are there
  int fd_ = -1;
  bool memory_file_ = false;
  std::string path_;
  std::string copy_;  // of a private file's bytes
  void* mapped_ = nullptr;
  std::string_view data_;
  std::shared_ptr<SameBytes> same_;
};

// Removes what a process that died left in `folder`. Only for a folder that one engine owns.
void remove_stale_images(const std::string& folder);

}  // namespace pinnate::module
