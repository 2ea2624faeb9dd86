#include "store/artifact_record.h"

#include "store/checksum.h"
#include "store/little_endian.h"

namespace pinnate::store {

std::string encode_record(std::uint32_t index, std::string_view payload) {
  std::string place;
  append_u32(&place, index);
  append_u32(&place, static_cast<std::uint32_t>(payload.size()));
  std::string out;
  out.reserve(kRecordHeaderBytes + payload.size());
  out += kRecordMagic;
  out += place;
  append_u32(&out, checksum(place, payload));
  out += payload;
  return out;
}

std::optional<RecordHeader> read_record_header(std::string_view bytes) {
  if (bytes.size() < kRecordHeaderBytes || !bytes.starts_with(kRecordMagic)) return std::nullopt;
  const RecordHeader header{read_u32(bytes.data() + 4), read_u32(bytes.data() + 8)};
  if (header.index >= kMostChunks || header.length == 0 || header.length > kMostPayloadBytes) return std::nullopt;
  return header;
}

bool is_intact(std::string_view record) {
  const auto header = read_record_header(record);
  return header && record.size() == kRecordHeaderBytes + header->length &&
         checksum(record.substr(4, 8), record.substr(kRecordHeaderBytes)) == read_u32(record.data() + 12);
}

}  // namespace pinnate::store
