#include "store/artifact_scan.h"

#include "store/artifact_record.h"

#include <algorithm>

namespace pinnate::store {
namespace {

constexpr std::size_t kWindowBytes = 256 * 1024;

// A file seen through a buffer that moves forward over it.
class Window {
 public:
  Window(const Descriptor& file, const std::string& path) : file_(file), path_(path) {}

  // Bytes [offset, offset + length), fewer at the end of the file or where it cannot be read. Valid until the next
  // call.
  std::string_view view(std::uint64_t offset, std::size_t length) {
    if (offset < start_ || offset + length > start_ + bytes_.size()) {
      start_ = offset;
      auto read = read_at(file_, offset, std::max(length, kWindowBytes), path_);
      unreadable_ = unreadable_ || !read.ok();
      bytes_ = read.ok() ? std::move(*read) : std::string();
    }
    return std::string_view(bytes_).substr(offset - start_, length);
  }
  bool unreadable() const { return unreadable_; }

 private:
  const Descriptor& file_;
  const std::string& path_;
  std::uint64_t start_ = 0;
  std::string bytes_;
  bool unreadable_ = false;
};

// The first place from `offset` on where a record may begin, or `size`.
std::uint64_t next_magic(Window* window, std::uint64_t offset, std::uint64_t size) {
  constexpr std::size_t kStep = 64 * 1024;
  while (offset < size) {
    const std::string_view bytes = window->view(offset, kStep);
    const std::size_t found = bytes.find(kRecordMagic);
    if (found != std::string_view::npos) return offset + found;
    if (bytes.size() < kStep) break;
    offset += kStep - (kRecordMagic.size() - 1);  // it may begin at the end of this step
  }
  return size;
}

}  // namespace

Result<ArtifactScan> scan_artifact(const Descriptor& file, const std::string& path) {
  const auto size = file_size(file, path);
  if (!size.ok()) return size.status();
  ArtifactScan scan;
  Window window(file, path);
  std::uint64_t at = 0;
  while (at + kRecordHeaderBytes < *size && !window.unreadable()) {
    if (const auto header = read_record_header(window.view(at, kRecordHeaderBytes))) {
      const std::uint64_t next = at + kRecordHeaderBytes + header->length;
      if (next <= *size && is_intact(window.view(at, kRecordHeaderBytes + header->length))) {
        scan.places[header->index] = {at, header->length};
        scan.end = at = next;
        continue;
      }
      // Only its payload is damaged when another record, or nothing, begins where it says that it ends.
      if (next == *size || read_record_header(window.view(next, kRecordHeaderBytes))) {
        at = next;
        continue;
      }
    }
    at = next_magic(&window, at + 1, *size);
  }
  if (window.unreadable()) scan.end = *size;
  return scan;
}

}  // namespace pinnate::store
