#include "base/random.h"

#include <doctest/doctest.h>

#include <array>
#include <set>

using namespace pinnate;

TEST_CASE("a seed gives the numbers of xoshiro256** filled by splitmix64, everywhere") {
  const auto first = [](std::uint64_t seed) {
    Random r(seed);
    return std::array{r.next(), r.next(), r.next(), r.next()};
  };
  CHECK(first(0) ==
        std::array<std::uint64_t, 4>{0x99ec5f36cb75f2b4, 0xbf6e1f784956452a, 0x1a5f849d4933e6e0, 0x6aa594f1262d2d2c});
  CHECK(first(1) ==
        std::array<std::uint64_t, 4>{0xb3f2af6d0fc710c5, 0x853b559647364cea, 0x92f89756082a4514, 0x642e1c7bc266a3a7});
  CHECK(first(~0ull) ==
        std::array<std::uint64_t, 4>{0x8f5520d52a7ead08, 0xc476a018caa1802d, 0x81de31c0d260469e, 0xbf658d7e065f3c2f});
}

TEST_CASE("a copy goes on as the original does") {
  Random one(42);
  one.next();
  Random other = one;
  for (int i = 0; i < 100; i++) CHECK(one.next() == other.next());
}

TEST_CASE("a number below a bound is below it, every one of them comes up, and below 0 is 0") {
  Random r(3);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; i++) seen.insert(r.below(10));
  CHECK(seen.size() == 10);
  CHECK(*seen.rbegin() == 9);
  CHECK(r.below(1) == 0);
  CHECK(r.below(0) == 0);
  int hits = 0;
  for (int i = 0; i < 10000; i++) hits += r.one_in(10);
  CHECK(hits > 800);
  CHECK(hits < 1200);
  CHECK(r.one_in(1));
}
