#include "store/frame.h"

#include "store/encoding.h"

#include <algorithm>
#include <utility>

namespace pinnate::store {
namespace {

struct FrameHeader {
  std::uint32_t tag, length;
};

// The header at the beginning of `bytes`, if one can be there.
std::optional<FrameHeader> header_at(const FrameFormat& format, std::string_view bytes) {
  if (bytes.size() < kFrameHeaderBytes || !bytes.starts_with(format.frame_magic)) return std::nullopt;
  const FrameHeader header{read_u32(bytes.data() + 4), read_u32(bytes.data() + 8)};
  if (header.tag >= format.tags || header.length == 0 || header.length > format.most_bytes) return std::nullopt;
  return header;
}

constexpr std::size_t kWindowBytes = 256 * 1024;

// The first `size` bytes of a file, seen through a buffer that moves forward over them.
class Window {
 public:
  Window(const Descriptor& file, const std::string& path, std::uint64_t size) : file_(file), path_(path), size_(size) {}

  // Bytes [offset, offset + length), fewer at the end or where they cannot be read. Valid until the
  // next call.
  std::string_view view(std::uint64_t offset, std::size_t length) {
    length = static_cast<std::size_t>(std::min<std::uint64_t>(length, size_ - std::min(size_, offset)));
    if (offset < start_ || offset + length > start_ + bytes_.size()) {
      start_ = offset;
      auto read = read_at(file_, offset, std::max(length, kWindowBytes), path_);
      if (!read.ok()) unreadable_ = read.status();
      bytes_ = read.ok() ? std::move(*read) : std::string();
    }
    return std::string_view(bytes_).substr(offset - start_, length);
  }
  const Status& unreadable() const { return unreadable_; }

 private:
  const Descriptor& file_;
  const std::string& path_;
  const std::uint64_t size_;
  std::uint64_t start_ = 0;
  std::string bytes_;
  Status unreadable_;
};

// The first place from `offset` on where a frame may begin, or `size`.
std::uint64_t next_magic(std::string_view magic, Window* window, std::uint64_t offset, std::uint64_t size) {
  constexpr std::size_t kStep = 64 * 1024;
  while (offset < size) {
    const std::string_view bytes = window->view(offset, kStep);
    const std::size_t found = bytes.find(magic);
    if (found != std::string_view::npos) return offset + found;
    if (bytes.size() < kStep) break;
    offset += kStep - (magic.size() - 1);  // it may begin at the end of this step
  }
  return size;
}

}  // namespace

std::string encode_file_header(const FrameFormat& format) {
  std::string out(format.file_magic);
  append_u32(&out, format.version);
  append_u32(&out, checksum(out));
  return out;
}

Status check_file_header(const FrameFormat& format, std::string_view bytes, const std::string& path) {
  bytes = bytes.substr(0, kFileHeaderBytes);
  if (bytes.size() < kFileHeaderBytes || !bytes.starts_with(format.file_magic) ||
      checksum(bytes.substr(0, 8)) != read_u32(bytes.data() + 8))
    return {PINNATE_CORRUPT, "'" + path + "' is damaged at its beginning"};
  if (const std::uint32_t version = read_u32(bytes.data() + 4); version > format.version)
    return other_version("'" + path + "'", std::to_string(version), format.version);
  return {};
}

std::string encode_frame(const FrameFormat& format, std::uint32_t tag, std::string_view payload) {
  std::string place;
  append_u32(&place, tag);
  append_u32(&place, static_cast<std::uint32_t>(payload.size()));
  std::string out;
  out.reserve(kFrameHeaderBytes + payload.size());
  out += format.frame_magic;
  out += place;
  append_u32(&out, checksum(place, payload));
  out += payload;
  return out;
}

Result<FrameScan> scan_frames(const FrameFormat& format, const Descriptor& file, const std::string& path,
                              std::uint64_t size, const TakeFrame& take) {
  FrameScan scan;
  Window window(file, path, size);
  const Status header = check_file_header(format, window.view(0, kFileHeaderBytes), path);
  if (header.code() == PINNATE_INCOMPATIBLE) return header;
  std::optional<std::uint64_t> damage;
  if (header.ok())
    scan.end = kFileHeaderBytes;
  else
    damage = 0;
  std::uint64_t at = scan.end;
  while (at + kFrameHeaderBytes <= size && window.unreadable().ok()) {
    std::uint64_t next = 0;
    if (const auto frame = header_at(format, window.view(at, kFrameHeaderBytes))) {
      next = at + kFrameHeaderBytes + frame->length;
      const std::string_view bytes = window.view(at, kFrameHeaderBytes + frame->length);
      if (bytes.size() == kFrameHeaderBytes + frame->length &&
          bytes == encode_frame(format, frame->tag, bytes.substr(kFrameHeaderBytes))) {
        take(at, frame->tag, bytes.substr(kFrameHeaderBytes));
        scan.end = at = next;
        scan.damage = damage;
        continue;
      }
      // Only its payload is damaged when another frame, or nothing, begins where it would end.
      if (next != size && !header_at(format, window.view(next, kFrameHeaderBytes))) next = 0;
    }
    if (!damage) damage = at;
    at = next != 0 ? next : next_magic(format.frame_magic, &window, at + 1, size);
  }
  scan.unreadable = window.unreadable();
  return scan;
}

}  // namespace pinnate::store
