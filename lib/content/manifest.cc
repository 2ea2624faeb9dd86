#include "content/manifest.h"

#include "content/packed.h"

#include <algorithm>

namespace pinnate::content {
namespace {

constexpr std::uint64_t kManifestFormat = 1;
constexpr std::uint32_t kLongestLimitMs = 600000;
constexpr std::size_t kDigestBytes = 32;

ArtifactEntry read_artifact(Fields list) {
  ArtifactEntry entry;
  entry.platform = list.text("platform", check_platform);
  entry.digest = list.digest("digest");
  entry.size_bytes = list.number("size", 1, kArtifactCeilingBytes);
  const std::string_view chunks = list.bytes("chunk digests", kManifestLimitBytes);
  if (!list.ok()) return entry;
  const std::uint64_t count = (entry.size_bytes + kChunkBytes - 1) / kChunkBytes;
  if (chunks.size() != count * kDigestBytes) {
    list.fail(PINNATE_CORRUPT, std::to_string(chunks.size()) + " bytes of chunk digests, where " +
                                   std::to_string(entry.size_bytes) + " bytes of artifact need " +
                                   std::to_string(count * kDigestBytes));
    return entry;
  }
  entry.chunks.reserve(count);
  for (std::size_t at = 0; at < chunks.size(); at += kDigestBytes)
    entry.chunks.push_back(*Digest::from_bytes(chunks.substr(at, kDigestBytes)));
  return entry;
}

Limits read_limits(Fields list) {
  Limits limits;
  const auto take = [&](const char* field, std::uint32_t* ms) {  // those that are missing have their defaults
    if (list.more()) *ms = static_cast<std::uint32_t>(list.number(field, 1, kLongestLimitMs));
  };
  take("load limit in ms", &limits.load_ms);
  take("create limit in ms", &limits.create_ms);
  take("health limit in ms", &limits.health_ms);
  take("call limit in ms", &limits.call_ms);
  take("drain limit in ms", &limits.drain_ms);
  return limits;
}

Result<Manifest> decode(std::string_view bytes) {
  Packed packed(bytes, "manifest", kManifestLimitBytes);
  Fields top = packed.fields();
  top.format(kManifestFormat);
  Manifest manifest;
  manifest.name = top.text("name", check_function_name);
  manifest.version = top.text("version", check_version);
  manifest.loader = top.text("loader kind", check_loader_kind);
  Fields artifacts = top.list("artifacts", kArtifactsPerManifest);
  if (top.ok() && artifacts.left() == 0) top.fail(PINNATE_INVALID, "it names no artifact");
  while (top.ok() && artifacts.left() > 0) {
    const std::string which = "number " + std::to_string(manifest.artifacts.size() + 1);
    manifest.artifacts.push_back(read_artifact(artifacts.list(which.c_str(), 64)));
    const std::size_t count = manifest.artifacts.size();
    if (top.ok() && count > 1 && manifest.artifacts[count - 2].platform >= manifest.artifacts[count - 1].platform)
      top.fail(PINNATE_INVALID, "its platforms are not sorted, or one stands twice");
  }
  manifest.limits = read_limits(top.list("limits", 64));
  manifest.needs = top.words("needs");
  if (top.more()) top.list("signatures", 64);  // room for them; none is checked yet
  if (!packed.status().ok()) return packed.status();
  return manifest;
}

}  // namespace

const ArtifactEntry* Manifest::artifact_for(const std::string& platform) const {
  const ArtifactEntry* any = nullptr;
  for (const ArtifactEntry& entry : artifacts) {
    if (entry.platform == platform) return &entry;
    if (entry.platform == "any") any = &entry;
  }
  return any;
}

std::string Manifest::platforms() const {
  std::string out;
  for (const ArtifactEntry& entry : artifacts) out += (out.empty() ? "" : " ") + entry.platform;
  return out;
}

Buffer encode_manifest(const Manifest& manifest) {
  std::vector<const ArtifactEntry*> sorted;  // so that equal manifests have one name, whatever order they were made in
  for (const ArtifactEntry& entry : manifest.artifacts) sorted.push_back(&entry);
  std::sort(sorted.begin(), sorted.end(), [](auto* a, auto* b) { return a->platform < b->platform; });

  StringSink sink;
  msgpack::packer<StringSink> p(sink);
  p.pack_array(8);
  p.pack_uint64(kManifestFormat);
  pack_text(p, manifest.name);
  pack_text(p, manifest.version);
  pack_text(p, manifest.loader);
  p.pack_array(static_cast<std::uint32_t>(sorted.size()));
  for (const ArtifactEntry* entry : sorted) {
    p.pack_array(4);
    pack_text(p, entry->platform);
    pack_bytes(p, entry->digest.view());
    p.pack_uint64(entry->size_bytes);
    p.pack_bin(static_cast<std::uint32_t>(entry->chunks.size() * kDigestBytes));
    for (const Digest& chunk : entry->chunks) p.pack_bin_body(chunk.view().data(), kDigestBytes);
  }
  p.pack_array(5);
  for (std::uint32_t ms : {manifest.limits.load_ms, manifest.limits.create_ms, manifest.limits.health_ms,
                           manifest.limits.call_ms, manifest.limits.drain_ms})
    p.pack_uint32(ms);
  pack_words(p, manifest.needs);
  p.pack_array(0);
  return Buffer(std::move(sink.out));
}

Status check_sizes(const Manifest& manifest, std::uint64_t limit_bytes) {
  for (const ArtifactEntry& artifact : manifest.artifacts)
    if (artifact.size_bytes > limit_bytes)
      return {PINNATE_TOO_LARGE, "module '" + manifest.name + "' " + manifest.version + ": the artifact for " +
                                     artifact.platform + " is " + std::to_string(artifact.size_bytes) +
                                     " bytes; the limit is " + std::to_string(limit_bytes)};
  return {};
}

Result<Manifest> decode_manifest(const Buffer& bytes) {
  return within_memory([&] { return decode(bytes.view()); });
}

}  // namespace pinnate::content
