#include "content/manifest_builder.h"

#include <doctest/doctest.h>

#include <string>

using namespace pinnate;
using namespace pinnate::content;

namespace {

Manifest facts(const std::vector<std::uint64_t>& sizes) {
  Manifest manifest;
  manifest.name = "m";
  manifest.version = "1";
  for (const std::uint64_t size : sizes) {
    ArtifactEntry& entry = manifest.artifacts.emplace_back();
    entry.platform = "p" + std::to_string(manifest.artifacts.size());
    entry.size_bytes = size;
  }
  return manifest;
}

}  // namespace

TEST_CASE("a manifest is made of artifacts chunk by chunk, and is read back as such") {
  const std::string first(2 * kChunkBytes + 1, 'a'), second(kChunkBytes, 'b');
  const std::string* const artifacts[] = {&first, &second};
  ManifestBuilder builder(facts({first.size(), second.size()}));
  std::string lengths;
  while (!builder.complete()) {
    lengths += std::to_string(builder.next_bytes()) + " ";
    builder.add(artifacts[builder.artifact()]->substr(builder.offset(), builder.next_bytes()));
  }
  CHECK(lengths == "65536 65536 1 65536 ");
  CHECK(builder.added_bytes() == first.size() + second.size());
  const auto encoded = builder.encoded();
  REQUIRE(encoded.ok());
  const auto manifest = decode_manifest(*encoded);
  REQUIRE(manifest.ok());
  REQUIRE(manifest->artifacts.size() == 2);
  CHECK(manifest->artifacts[0].digest == sha256(first));
  CHECK(manifest->artifacts[1].digest == sha256(second));
  REQUIRE(manifest->artifacts[0].chunks.size() == 3);
  CHECK(manifest->artifacts[0].chunks[2] == sha256("a"));
  CHECK(manifest->artifacts[1].chunks == std::vector<Digest>{sha256(second)});
}

TEST_CASE("more chunks than a manifest can list are refused in words") {
  Manifest large = facts({1});
  large.artifacts[0].chunks.resize(kManifestLimitBytes / sizeof(Digest));
  ManifestBuilder builder(large);
  builder.add("x");
  REQUIRE(builder.complete());
  const auto encoded = builder.encoded();
  CHECK(encoded.status().code() == PINNATE_TOO_LARGE);
  CHECK(encoded.status().message().find("module 'm' 1: ") == 0);
}
