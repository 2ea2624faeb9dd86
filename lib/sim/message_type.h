// What kind a message is, read off its first bytes without decoding it: traffic is counted for millions of them.
#pragma once

#include <cstdint>
#include <string_view>

namespace pinnate::sim {

// The numbers of PROTOCOL.md; 0 for bytes that are no message.
std::uint8_t message_type(std::string_view message);
// "Hello", "ChunkBytes", ...; "message" for numbers that have no name here.
const char* message_name(std::uint8_t type);

inline constexpr std::uint8_t kHello = 1, kDesired = 8, kEngineStatus = 12, kRollup = 13, kWantChunk = 18,
                              kChunkBytes = 19, kCall = 34;

}  // namespace pinnate::sim
