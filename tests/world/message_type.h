// What kind a message is, read off its first bytes without decoding it: traffic is counted for
// millions of them.
#pragma once

#include <cstdint>
#include <string_view>

namespace pinnate::sim {

// The numbers of PROTOCOL.md; 0 for bytes that are no message.
std::uint8_t message_type(std::string_view message);

// Not called by the messages' names alone: pinnate::kChunkBytes is the size of a chunk, and would
// be hidden without a word.
inline constexpr std::uint8_t kDesiredType = 8, kWantChunkType = 18, kChunkBytesType = 19;

}  // namespace pinnate::sim
