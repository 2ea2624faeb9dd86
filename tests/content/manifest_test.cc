#include "content/manifest.h"

#include "content/hostile.h"
#include "content/sha256.h"

#include <doctest/doctest.h>

#include <functional>

using namespace pinnate;
using namespace pinnate::content;

namespace {

ArtifactEntry entry(const std::string& platform, std::uint64_t size) {
  ArtifactEntry e;
  e.platform = platform;
  e.digest = sha256(platform);
  e.size_bytes = size;
  for (std::uint64_t i = 0; i * kChunkBytes < size; i++) e.chunks.push_back(sha256(platform + std::to_string(i)));
  return e;
}

Manifest thumbnail() {
  Manifest m;
  m.name = "thumbnail";
  m.version = "1.2.0";
  m.artifacts = {entry("any", 1), entry("linux-aarch64", kChunkBytes), entry("linux-x86_64", 2 * kChunkBytes + 1)};
  m.limits = {1, 2, 3, 4, 600000};
  return m;
}

Code code_of(const std::string& bytes) { return decode_manifest(Buffer(bytes)).status().code(); }

// The code with which a manifest is refused after `change`.
Code refused(const std::function<void(Manifest&)>& change) {
  Manifest m = thumbnail();
  change(m);
  return decode_manifest(encode_manifest(m)).status().code();
}

void check_equal(const Manifest& a, const Manifest& b) {
  CHECK(a.name == b.name);
  CHECK(a.version == b.version);
  CHECK(a.loader == b.loader);
  CHECK(a.limits == b.limits);
  REQUIRE(a.artifacts.size() == b.artifacts.size());
  for (std::size_t i = 0; i < a.artifacts.size(); i++) {
    CHECK(a.artifacts[i].platform == b.artifacts[i].platform);
    CHECK(a.artifacts[i].digest == b.artifacts[i].digest);
    CHECK(a.artifacts[i].size_bytes == b.artifacts[i].size_bytes);
    CHECK(a.artifacts[i].chunks == b.artifacts[i].chunks);
  }
}

}  // namespace

TEST_CASE("a manifest comes back as it was") {
  const auto decoded = decode_manifest(encode_manifest(thumbnail()));
  REQUIRE(decoded.ok());
  check_equal(*decoded, thumbnail());
  CHECK(decoded->platforms() == "any linux-aarch64 linux-x86_64");
  CHECK(decoded->artifacts[2].chunk_bytes(1) == kChunkBytes);
  CHECK(decoded->artifacts[2].chunk_bytes(2) == 1);
}

TEST_CASE("a manifest has one name, whatever order its artifacts were given in") {
  Manifest turned = thumbnail();
  std::swap(turned.artifacts[0], turned.artifacts[2]);
  CHECK(encode_manifest(turned) == encode_manifest(thumbnail()));
}

TEST_CASE("the bytes of a manifest are those that PROTOCOL.md gives") {
  Manifest m;
  m.name = "f";
  m.version = "1";
  ArtifactEntry one;
  one.platform = "any";
  one.size_bytes = 1;
  one.chunks.resize(1);
  m.artifacts = {one};
  m.limits = {1, 2, 3, 4, 5};
  const std::string zeroes = std::string("\xc4\x20", 2) + std::string(32, '\0');
  CHECK(encode_manifest(m).str() ==
        "\x98\x01\xa1"
        "f\xa1"
        "1\xa6native\x91\x94\xa3"
        "any" +
            zeroes + "\x01" + zeroes + "\x95\x01\x02\x03\x04\x05\x90\x90");
}

TEST_CASE("a platform gets its own artifact before the one for any") {
  const Manifest m = thumbnail();
  CHECK(m.artifact_for("linux-x86_64")->size_bytes == 2 * kChunkBytes + 1);
  CHECK(m.artifact_for("linux-riscv64")->platform == "any");
  Manifest few = m;
  few.artifacts.erase(few.artifacts.begin());
  CHECK(few.artifact_for("linux-riscv64") == nullptr);
}

TEST_CASE("a manifest whose values are out of bounds is refused") {
  CHECK(refused([](Manifest&) {}) == PINNATE_OK);
  CHECK(refused([](Manifest& m) { m.name = "Upper"; }) == PINNATE_INVALID);
  CHECK(refused([](Manifest& m) { m.name = "../x"; }) == PINNATE_INVALID);
  CHECK(refused([](Manifest& m) { m.version = ""; }) == PINNATE_INVALID);
  CHECK(refused([](Manifest& m) { m.loader = "a b"; }) == PINNATE_INVALID);
  CHECK(refused([](Manifest& m) { m.artifacts.clear(); }) == PINNATE_INVALID);
  CHECK(refused([](Manifest& m) { m.artifacts[1].platform = "any"; }) == PINNATE_INVALID);
  CHECK(refused([](Manifest& m) { m.artifacts[1].platform = "a/b"; }) == PINNATE_INVALID);
  CHECK(refused([](Manifest& m) { m.artifacts[0].size_bytes = 0; }) == PINNATE_INVALID);
  CHECK(refused([](Manifest& m) { m.artifacts[0].size_bytes = kArtifactCeilingBytes + 1; }) == PINNATE_INVALID);
  CHECK(refused([](Manifest& m) { m.artifacts[0].size_bytes = kChunkBytes + 1; }) == PINNATE_CORRUPT);
  CHECK(refused([](Manifest& m) { m.artifacts[2].chunks.pop_back(); }) == PINNATE_CORRUPT);
  CHECK(refused([](Manifest& m) { m.limits.load_ms = 0; }) == PINNATE_INVALID);
  CHECK(refused([](Manifest& m) { m.limits.drain_ms = 600001; }) == PINNATE_INVALID);
  CHECK(refused([](Manifest& m) {
          for (int i = 0; i < 14; i++) m.artifacts.push_back(entry("p" + std::to_string(i), 1));
        }) == PINNATE_TOO_LARGE);
  CHECK(refused([](Manifest& m) { m.artifacts[0] = entry("any", kArtifactCeilingBytes); }) == PINNATE_TOO_LARGE);
}

TEST_CASE("artifacts out of order are refused") {
  std::string bytes = encode_manifest(thumbnail()).str();
  bytes.replace(bytes.find("any"), 3, "zzz");
  CHECK(code_of(bytes) == PINNATE_INVALID);
}

TEST_CASE("a refused manifest is refused in words") {
  Manifest m = thumbnail();
  m.artifacts[2].chunks.pop_back();
  CHECK(decode_manifest(encode_manifest(m)).status().message() ==
        "manifest, artifacts, number 3: 64 bytes of chunk digests, where 131073 bytes of artifact need 96");
}

TEST_CASE("fields that a later version adds at the end of a manifest are passed over") {
  std::string bytes = encode_manifest(thumbnail()).str();
  bytes[0] = '\x9a';
  bytes +=
      "\xa5"
      "later\xc0";
  const auto decoded = decode_manifest(Buffer(bytes));
  REQUIRE(decoded.ok());
  check_equal(*decoded, thumbnail());
}

TEST_CASE("limits that are missing have their defaults, and the features that a manifest needs are read") {
  Manifest m = thumbnail();
  m.needs = {"waves"};
  m.limits = {1, 2, 3, 4, 5};
  std::string bytes = encode_manifest(m).str();
  CHECK(decode_manifest(Buffer(bytes))->needs == m.needs);
  const std::size_t at = bytes.find("\x95\x01\x02\x03\x04\x05");
  REQUIRE(at != std::string::npos);
  bytes.replace(at, 6, "\x92\x01\x02");
  const auto decoded = decode_manifest(Buffer(bytes));
  REQUIRE(decoded.ok());
  CHECK(decoded->limits == Limits{1, 2, 5000, 30000, 30000});
}

TEST_CASE("a manifest of another format is refused as incompatible") {
  std::string bytes = encode_manifest(thumbnail()).str();
  bytes[1] = 2;
  CHECK(code_of(bytes) == PINNATE_INCOMPATIBLE);
  CHECK(code_of(std::string("\x91\x02")) == PINNATE_INCOMPATIBLE);  // its fields may be quite others
}

TEST_CASE("bytes that claim much and hold little are refused") {
  CHECK(code_of("") == PINNATE_CORRUPT);
  CHECK(code_of("\x97") == PINNATE_CORRUPT);
  CHECK(code_of("\xdd\xff\xff\xff\xff") == PINNATE_CORRUPT);
  CHECK(code_of("\xdf\xff\xff\xff\xff") == PINNATE_CORRUPT);
  CHECK(code_of("\xc6\xff\xff\xff\xff") == PINNATE_CORRUPT);
  CHECK(code_of(std::string(1000, '\x91')) == PINNATE_CORRUPT);
  CHECK(code_of(std::string(kManifestLimitBytes, '\x91')) == PINNATE_CORRUPT);
  CHECK(code_of(std::string(kManifestLimitBytes + 1, '\x91')) == PINNATE_TOO_LARGE);
}

TEST_CASE("whatever is done to a manifest's bytes, what is accepted keeps every bound") {
  for_each_damage(encode_manifest(thumbnail()).str(), [&](const std::string& damaged) {
    const auto decoded = decode_manifest(Buffer(damaged));
    if (!decoded.ok()) return;
    // It goes by another name, and its canonical form is accepted as the same manifest.
    REQUIRE((damaged == encode_manifest(thumbnail()).str() ||
             sha256(damaged) != sha256(encode_manifest(thumbnail()).view())));
    const auto again = decode_manifest(encode_manifest(*decoded));
    REQUIRE(again.ok());
    check_equal(*again, *decoded);
  });
}
