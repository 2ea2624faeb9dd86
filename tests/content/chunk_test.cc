#include "content/chunk.h"

#include "base/limits.h"
#include "base/random.h"
#include "content/hostile.h"
#include "content/sha256.h"
#include "noise.h"

#include <doctest/doctest.h>

#include <zlib.h>

using namespace pinnate;
using namespace pinnate::content;

namespace {

std::string prose(std::size_t size) {
  std::string out;
  while (out.size() < size) out += "line " + std::to_string(out.size()) + " of something that repeats itself\n";
  return out.substr(0, size);
}

std::string deflated(const std::string& plain) {
  uLongf size = compressBound(plain.size());
  std::string out(size, '\0');
  compress(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(plain.data()), plain.size());
  return out.substr(0, size);
}

Code code_of(const std::string& encoded, std::size_t plain_bytes, const Digest& digest) {
  return decode_chunk(Buffer(encoded), static_cast<std::uint32_t>(plain_bytes), digest).status().code();
}

}  // namespace

TEST_CASE("a chunk of any size comes back as it was") {
  for (std::size_t size :
       {std::size_t(0), std::size_t(1), std::size_t(2), std::size_t(1000), kChunkBytes - 1, kChunkBytes})
    for (const std::string& plain : {noise(size), prose(size), std::string(size, '\0')}) {
      const Buffer encoded = encode_chunk(plain);
      CHECK(encoded.size() <= size + 1);
      const auto decoded = decode_chunk(encoded, static_cast<std::uint32_t>(size), sha256(plain));
      REQUIRE(decoded.ok());
      CHECK(decoded->view() == plain);
      const auto again = decode_verified_chunk(encoded, static_cast<std::uint32_t>(size));
      REQUIRE(again.ok());
      CHECK(again->view() == plain);
    }
}

TEST_CASE("a chunk is stored plain where compression does not make it smaller") {
  CHECK(encode_chunk(noise(kChunkBytes)).size() == kChunkBytes + 1);
  CHECK(encode_chunk(noise(kChunkBytes)).data()[0] == 0);
  CHECK(encode_chunk(prose(kChunkBytes)).size() < kChunkBytes / 4);
  CHECK(encode_chunk(prose(kChunkBytes)).data()[0] == 1);
}

TEST_CASE("a damaged chunk is never taken for the one it was") {
  for (const std::string& plain : {noise(40), prose(300)})
    for_each_damage(encode_chunk(plain).str(), [&](const std::string& damaged) {
      const auto decoded = decode_chunk(Buffer(damaged), static_cast<std::uint32_t>(plain.size()), sha256(plain));
      if (decoded.ok())
        REQUIRE(decoded->view() == plain);  // deflate has bits that do not matter
      else
        REQUIRE(decoded.status().code() == PINNATE_CORRUPT);
    });
}

TEST_CASE("a chunk that inflates to more or less than it should is refused") {
  const std::string plain = prose(1000);
  const std::string encoded = encode_chunk(plain).str();
  CHECK(code_of(encoded, 999, sha256(plain)) == PINNATE_CORRUPT);
  CHECK(code_of(encoded, 1001, sha256(plain)) == PINNATE_CORRUPT);
  CHECK(code_of(encoded, 0, sha256(plain)) == PINNATE_CORRUPT);
  const std::string bomb(100 * 1024 * 1024, 'a');
  CHECK(code_of('\1' + deflated(bomb).substr(0, 60000), kChunkBytes, sha256(bomb)) == PINNATE_CORRUPT);
}

TEST_CASE("bytes behind the end of a compressed chunk are refused") {
  const std::string plain = prose(1000);
  CHECK(code_of(encode_chunk(plain).str() + "x", 1000, sha256(plain)) == PINNATE_CORRUPT);
}

TEST_CASE("a chunk of an unknown encoding, or over 64 KiB, is refused in words") {
  const auto unknown = decode_chunk(Buffer("\2abc"), 3, sha256("abc"));
  CHECK(unknown.status().code() == PINNATE_CORRUPT);
  CHECK(unknown.status().message() == "chunk: encoding 2 is not known");
  const std::string large(kChunkBytes + 1, 'a');
  CHECK(code_of(std::string(1, '\0') + large, large.size(), sha256(large)) == PINNATE_CORRUPT);
}

TEST_CASE("a chunk with another digest is refused") {
  CHECK(code_of(encode_chunk("abc").str(), 3, sha256("abd")) == PINNATE_CORRUPT);
  CHECK(code_of(encode_chunk("abc").str(), 3, Digest{}) == PINNATE_CORRUPT);
}
