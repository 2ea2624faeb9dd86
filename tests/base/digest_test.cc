#include "base/digest.h"

#include <doctest/doctest.h>

#include <unordered_set>

using namespace pinnate;

namespace {

Digest counting() {
  Digest d;
  for (std::size_t i = 0; i < 32; i++) d.bytes[i] = static_cast<std::uint8_t>(i * 8 + 1);
  return d;
}

}  // namespace

TEST_CASE("a digest is written as 64 lower-case hex digits and read back from them") {
  const Digest d = counting();
  const std::string hex = d.hex();
  CHECK(hex == "0109111921293139414951596169717981899199a1a9b1b9c1c9d1d9e1e9f1f9");
  REQUIRE(Digest::from_hex(hex));
  CHECK(*Digest::from_hex(hex) == d);
}

TEST_CASE("upper-case hex digits are read too") {
  CHECK(Digest::from_hex("0109111921293139414951596169717981899199A1A9B1B9C1C9D1D9E1E9F1F9") == counting());
}

TEST_CASE("nothing but 64 hex digits is a digest in hex") {
  const std::string hex = counting().hex();
  CHECK_FALSE(Digest::from_hex(""));
  CHECK_FALSE(Digest::from_hex(hex.substr(1)));
  CHECK_FALSE(Digest::from_hex(hex + "0"));
  for (std::size_t at = 0; at < 64; at++)
    for (char wrong : {'g', ' ', '\0', '/', ':', '@', '`', '\xff'}) {
      std::string damaged = hex;
      damaged[at] = wrong;
      CHECK_FALSE(Digest::from_hex(damaged));
    }
}

TEST_CASE("nothing but 32 bytes is a digest in bytes") {
  const Digest d = counting();
  CHECK(Digest::from_bytes(d.view()) == d);
  CHECK_FALSE(Digest::from_bytes(d.view().substr(1)));
  CHECK_FALSE(Digest::from_bytes(std::string(33, 'x')));
  CHECK_FALSE(Digest::from_bytes(""));
}

TEST_CASE("digests are ordered by their bytes, and only one of zeroes is zero") {
  Digest small, large;
  small.bytes[31] = 0xff;
  large.bytes[0] = 1;
  CHECK(small < large);
  CHECK(Digest{}.is_zero());
  CHECK_FALSE(small.is_zero());
  CHECK(std::unordered_set<Digest>{small, large, small}.size() == 2);
}
