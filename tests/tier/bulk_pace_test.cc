// How much bulk is handed to a link ahead of what it takes.
#include "base/limits.h"
#include "tier/links.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace pinnate;
using namespace pinnate::tier;

namespace {

constexpr std::size_t kMessageBytes = kChunkBytes + 100;

// Hands over what it may at `now_ms`; returns how many chunks.
int fill(BulkPace* pace, std::int64_t now_ms) {
  int chunks = 0;
  for (; pace->open(); chunks++) pace->handed(now_ms, kMessageBytes);
  return chunks;
}

}  // namespace

TEST_CASE("a slow link is handed one chunk at a time") {
  BulkPace pace;
  CHECK(fill(&pace, 0) == 1);
  std::int64_t now_ms = 0;
  for (int chunk = 0; chunk < 20; chunk++) {
    for (std::size_t left = kMessageBytes; left > 0; left -= std::min(left, kFragmentBytes)) {
      now_ms += 60;
      pace.drained(now_ms, std::min(left, kFragmentBytes));
      if (left > kFragmentBytes) CHECK(!pace.open());
    }
    CHECK(fill(&pace, now_ms) == 1);
  }
}

TEST_CASE("a fast link is handed more with each time it takes what it was given, up to the room for one link") {
  BulkPace pace;
  std::int64_t now_ms = 0;
  std::size_t most = 0;
  for (int round = 0; round < 8; round++) {
    const auto chunks = static_cast<std::size_t>(fill(&pace, now_ms));
    CHECK(chunks >= most);
    most = chunks;
    pace.drained(++now_ms, chunks * kMessageBytes);
  }
  CHECK(most >= kBulkRoomBytes / kMessageBytes - 1);
  CHECK(most * kMessageBytes <= std::size_t(kBulkRoomBytes));
}

TEST_CASE("a link that was idle is not taken for a slow one, and one that becomes slow is soon handed less") {
  BulkPace pace;
  std::int64_t now_ms = 0;
  for (int round = 0; round < 8; round++) {
    now_ms += 10000;
    const auto chunks = static_cast<std::size_t>(fill(&pace, now_ms));
    pace.drained(++now_ms, chunks * kMessageBytes);
  }
  const int ahead = fill(&pace, now_ms);
  CHECK(ahead > 4);
  for (int chunk = 0; chunk < ahead; chunk++) {
    CHECK(!pace.open());
    pace.drained(now_ms += 250, kMessageBytes);
  }
  CHECK(fill(&pace, now_ms) == 1);
}
