// A numbered decision of the controller, as the bytes it wrote. See PROTOCOL.md, section "Release".
#pragma once

#include "base/buffer.h"
#include "base/digest.h"
#include "base/status.h"

#include <cstdint>
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
};

// Of a publish: the release supersedes none that is current, also where it has no selector.
inline constexpr std::string_view kKeepOlder = "keep-older";

// The first of `needs` that this version does not know, or "". It knows `known` alone, where that
// is said, and else none so far.
std::string unknown_need(const std::vector<std::string>& needs, std::string_view known = {});

Buffer encode_release(const Release& release);
Result<Release> decode_release(const Buffer& bytes);

}  // namespace pinnate::content
