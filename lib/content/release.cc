#include "content/release.h"

#include "base/limits.h"
#include "content/packed.h"
#include "content/selector.h"

#include <algorithm>

namespace pinnate::content {
namespace {

constexpr std::uint64_t kReleaseFormat = 1;
constexpr std::size_t kMostBytes = kConfigLimitBytes + 64 * 1024;  // and names, and room for signatures
constexpr std::size_t kMostSelector = 1024;

Result<Release> decode(const Buffer& bytes) {
  Packed packed(bytes.view(), "release", kMostBytes);
  Fields top = packed.fields();
  top.format(kReleaseFormat);
  Release release;
  release.number = top.number("number", 1, UINT64_MAX);
  release.epoch = top.number("epoch", 0, UINT64_MAX);
  release.name = top.text("name", check_function_name);
  release.version = top.text("version", check_version);
  release.manifest = top.digest("manifest digest");
  release.selector = top.text("selector", kMostSelector);
  release.config = bytes.slice(top.bytes("configuration", kConfigLimitBytes));
  release.decided_unix_ms = top.signed_number("time of decision");
  release.needs = top.words("needs");
  if (top.ok() && unknown_need(release.needs, kReleaseFeatures).empty())  // else it may be of a later version's grammar
    if (auto parsed = Selector::parse(release.selector); !parsed.ok())
      top.fail(PINNATE_INVALID, parsed.status().message());
  if (top.more()) top.list("signatures", 64);  // room for them; none is checked yet
  release.allowed = top.words("allowed");
  if (!packed.status().ok()) return packed.status();
  return release;
}

}  // namespace

bool has_need(const std::vector<std::string>& needs, std::string_view need) {
  return std::find(needs.begin(), needs.end(), need) != needs.end();
}

std::string unknown_need(const std::vector<std::string>& needs, std::span<const std::string_view> known) {
  const auto unknown = std::find_if(needs.begin(), needs.end(), [&](const auto& need) {
    return std::find(known.begin(), known.end(), need) == known.end();
  });
  return unknown == needs.end() ? "" : *unknown;
}

Buffer encode_release(const Release& release) {
  StringSink sink;
  msgpack::packer<StringSink> p(sink);
  p.pack_array(release.allowed.empty() ? 11 : 12);
  p.pack_uint64(kReleaseFormat);
  p.pack_uint64(release.number);
  p.pack_uint64(release.epoch);
  pack_text(p, release.name);
  pack_text(p, release.version);
  pack_bytes(p, release.manifest.view());
  pack_text(p, release.selector);
  pack_bytes(p, release.config.view());
  p.pack_int64(release.decided_unix_ms);
  pack_words(p, release.needs);
  p.pack_array(0);
  if (!release.allowed.empty()) pack_words(p, release.allowed);
  return Buffer(std::move(sink.out));
}

Result<Release> decode_release(const Buffer& bytes) {
  return within_memory([&] { return decode(bytes); });
}

}  // namespace pinnate::content
