// A numbered decision of the controller, as the bytes it wrote. See PROTOCOL.md, section "Release".
#pragma once

#include "base/buffer.h"
#include "base/digest.h"
#include "base/status.h"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pinnate::content {

struct Release {
  std::uint64_t number = 0;  // the revision that decided it
  std::uint64_t epoch = 0;  // the epoch in which it was decided
  std::string name, version;
  Digest manifest;
  std::string selector;  // "" selects everything
  Buffer config;
  std::int64_t decided_unix_ms = 0;
  std::vector<std::string> needs;  // features that an engine must know to serve it
  std::vector<std::string> allowed;  // findings of engines (object_findings.h) that are no reason to refuse it
};

// Of a publish: the release supersedes none that is current, also where it has no selector.
inline constexpr std::string_view kKeepOlder = "keep-older";
// Likewise: findings are allowed, which its release is to say.
inline constexpr std::string_view kAllowed = "allowed";
// Of a publish, and of its release: the function's service is destroyed, and its module unloaded,
// before the new module is loaded.
inline constexpr std::string_view kStopFirst = "stop-first";

// What this version knows.
inline constexpr std::array kPublishFeatures = {kKeepOlder, kAllowed, kStopFirst};
inline constexpr std::array kReleaseFeatures = {kStopFirst};

bool has_need(const std::vector<std::string>& needs, std::string_view need);
// The first of `needs` that is none of `known`, or "".
std::string unknown_need(const std::vector<std::string>& needs, std::span<const std::string_view> known = {});

Buffer encode_release(const Release& release);
Result<Release> decode_release(const Buffer& bytes);

}  // namespace pinnate::content
