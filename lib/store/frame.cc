#include "store/frame.h"

#include "store/checksum.h"
#include "store/little_endian.h"

namespace pinnate::store {

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
    return {PINNATE_INCOMPATIBLE, "'" + path + "' is of version " + std::to_string(version) +
                                      ", and this is for version " + std::to_string(format.version) +
                                      ": use the version of Pinnate that made it, or another folder"};
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

std::optional<FrameHeader> read_frame_header(const FrameFormat& format, std::string_view bytes) {
  if (bytes.size() < kFrameHeaderBytes || !bytes.starts_with(format.frame_magic)) return std::nullopt;
  const FrameHeader header{read_u32(bytes.data() + 4), read_u32(bytes.data() + 8)};
  if (header.tag >= format.tags || header.length < format.least_bytes || header.length > format.most_bytes)
    return std::nullopt;
  return header;
}

bool is_intact(const FrameFormat& format, std::string_view frame) {
  const auto header = read_frame_header(format, frame);
  return header && frame.size() == kFrameHeaderBytes + header->length &&
         checksum(frame.substr(4, 8), frame.substr(kFrameHeaderBytes)) == read_u32(frame.data() + 12);
}

}  // namespace pinnate::store
