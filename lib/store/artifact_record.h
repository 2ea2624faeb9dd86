// One chunk in an artifact's file: u32 magic "PNC1", u32 index, u32 length, u32 CRC-32 of index, length and payload;
// payload.
#pragma once

#include "base/limits.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pinnate::store {

inline constexpr std::size_t kRecordHeaderBytes = 16;
inline constexpr std::size_t kMostPayloadBytes = kChunkBytes + 1;  // content/chunk.h
inline constexpr std::uint32_t kMostChunks = static_cast<std::uint32_t>(kArtifactCeilingBytes / kChunkBytes);
inline constexpr std::string_view kRecordMagic = "PNC1";

struct RecordHeader {
  std::uint32_t index = 0;
  std::uint32_t length = 0;  // of the payload: 1 to kMostPayloadBytes
};

// `index` is below kMostChunks, `payload` 1 to kMostPayloadBytes long.
std::string encode_record(std::uint32_t index, std::string_view payload);
// The header at the beginning of `bytes`, if one can be there.
std::optional<RecordHeader> read_record_header(std::string_view bytes);
// Whether `record` (header and payload, nothing more) is what was encoded.
bool is_intact(std::string_view record);

}  // namespace pinnate::store
