// The bounds that hold on every link and in every message. PROTOCOL.md names the same numbers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pinnate {

inline constexpr std::size_t kChunkBytes = 64 * 1024;
inline constexpr std::size_t kFragmentBytes = 16 * 1024;  // largest payload of a frame
inline constexpr std::size_t kMessageLimitBytes = 1536 * 1024;  // largest message
inline constexpr std::size_t kPageBytes = 64 * 1024;  // a page of desired state or rows aims at this
inline constexpr std::size_t kStreamCreditBytes = 96 * 1024;  // what a message may send before it is given more
inline constexpr std::size_t kOpenStreams = 16;  // messages in pieces at once, per link and direction
inline constexpr std::size_t kConfigLimitBytes = 64 * 1024;
inline constexpr std::size_t kManifestLimitBytes = 1024 * 1024;
inline constexpr std::size_t kCallLimitBytes = 1024 * 1024;
inline constexpr std::size_t kNestingLimit = 8;
inline constexpr std::size_t kTextLimitBytes = 4096;  // of a text in a message
inline constexpr std::size_t kReleaseLimit = 4096;  // current releases
inline constexpr std::size_t kArtifactsPerManifest = 16;
inline constexpr std::size_t kLabelLimit = 64;  // of one tier; and of those that it is given from above
inline constexpr std::size_t kHeaderLimit = 32;  // of one call
inline constexpr std::size_t kReasonBytes = 512;  // a failure in words, cut to this
inline constexpr std::uint64_t kArtifactLimitBytes = 256ull * 1024 * 1024;  // default
inline constexpr std::uint64_t kArtifactCeilingBytes = 2ull * 1024 * 1024 * 1024;

}  // namespace pinnate
