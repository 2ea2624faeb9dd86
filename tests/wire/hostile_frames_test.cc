// Frames that nobody honest sends.
#include "wire/allocations.h"
#include "wire/frames.h"
#include "wire/mux.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>

using namespace pinnate;
using namespace pinnate::wire;

namespace {

Status take(const std::string& bytes) {
  Mux mux(1 << 20);
  std::vector<Arrived> arrived;
  const Status status = mux.receive(bytes, &arrived);
  if (!status.ok()) {
    // For good: what comes after is not looked at.
    CHECK_FALSE(mux.receive(frame(0, 1, 0, "x"), &arrived).ok());
    CHECK(arrived.empty());
    CHECK_FALSE(status.message().empty());
  }
  return status;
}

}  // namespace

TEST_CASE("a frame that is too long, or without a byte, is refused at its header") {
  for (std::size_t length : {std::size_t(0), kFragmentBytes + 1, std::size_t(0x8000), std::size_t(0xffff)}) {
    CAPTURE(length);
    const std::string header = frame(Frame{length, 0, 1, 0}, "");
    const Status s = take(header);
    CHECK(s.code() == PINNATE_CORRUPT);
    CHECK(s.message().find(std::to_string(length)) != std::string::npos);
    CHECK(take(header + noise(70000)).code() == PINNATE_CORRUPT);
    Mux mux(1 << 20);  // byte by byte
    std::vector<Arrived> arrived;
    for (std::size_t i = 0; i < 7; i++) CHECK(mux.receive(header.substr(i, 1), &arrived).ok());
    CHECK(mux.receive(header.substr(7), &arrived).code() == PINNATE_CORRUPT);
  }
  CHECK(take(frame(0, 1, 0, noise(kFragmentBytes))).ok());
}

TEST_CASE("a frame cut short is waited for and is no message") {
  const std::string whole = frame(1, 1, 1, noise(1000));
  for (std::size_t length = 0; length < whole.size(); length++) {
    Mux mux(1 << 20);
    std::vector<Arrived> arrived;
    CHECK(mux.receive(whole.substr(0, length), &arrived).ok());
    CHECK(arrived.empty());
  }
}

TEST_CASE("an unknown class or flag is refused") {
  for (int priority : {3, 4, 255}) CHECK(take(frame(priority, 1, 1, "x")).code() == PINNATE_CORRUPT);
  for (int flags : {4, 8, 128, 255}) CHECK(take(frame(0, flags, 0, "x")).code() == PINNATE_CORRUPT);
}

TEST_CASE("a header that no frame may have is refused before the payload it announces has come") {
  for (const Frame& f : {Frame{16384, 3, 1, 1}, Frame{16384, 0, 4, 0}, Frame{16384, 1, 2, 1}, Frame{5, 0, 2, 1},
                         Frame{16384, 0, 1, 1}, Frame{16384, 1, 1, 0}})
    CHECK(take(frame(f, "")).code() == PINNATE_CORRUPT);
}

TEST_CASE("control has stream 0 to itself") {
  CHECK(take(frame(0, 1, 1, "x")).code() == PINNATE_CORRUPT);
  CHECK(take(frame(1, 1, 0, "x")).code() == PINNATE_CORRUPT);
  CHECK(take(frame(2, 0, 0, "x")).code() == PINNATE_CORRUPT);
}

TEST_CASE("a malformed credit is refused") {
  const std::string credit("\x00\x01\x00\x00", 4);
  CHECK(take(frame(0, 2, 1, credit)).ok());
  CHECK(take(frame(1, 2, 1, credit)).code() == PINNATE_CORRUPT);
  CHECK(take(frame(0, 3, 1, credit)).code() == PINNATE_CORRUPT);
  CHECK(take(frame(0, 2, 1, credit.substr(1))).code() == PINNATE_CORRUPT);
  CHECK(take(frame(0, 2, 1, credit + "x")).code() == PINNATE_CORRUPT);
  CHECK(take(frame(0, 2, 1, std::string("\x00\x18\x00\x01", 4))).code() == PINNATE_CORRUPT);
}

TEST_CASE("a frame that says it brings a descriptor, without one, is refused") {
  CHECK(take(frame(2, 5, 1, "x")).message().find("descriptor") != std::string::npos);
  CHECK(take(frame(2, 4, 1, "x")).code() == PINNATE_CORRUPT);  // with the last frame only
  CHECK(take(frame(0, 6, 0, credit(1))).code() == PINNATE_CORRUPT);
}

TEST_CASE("descriptors that no frame asks for are let go, and while a frame is incomplete one is held") {
  Mux mux(1 << 20);
  std::vector<Arrived> arrived;
  std::vector<std::weak_ptr<const int>> sent;
  const auto give = [&](const std::string& bytes) {
    auto descriptor = std::make_shared<const int>(1);
    sent.push_back(descriptor);
    REQUIRE(mux.receive(bytes, &arrived, std::move(descriptor)).ok());
    arrived.clear();
  };
  const auto held = [&] { return std::count_if(sent.begin(), sent.end(), [](const auto& d) { return !d.expired(); }); };
  for (int i = 0; i < 100; i++) give(frame(1, 1, 1, "whole"));
  CHECK(held() == 0);
  const std::string slow = frame(1, 1, 1, noise(100));
  for (char c : slow.substr(0, 99)) give(std::string(1, c));
  CHECK(held() == 1);
  give(slow.substr(99));
  CHECK(held() == 0);
}

TEST_CASE("more messages in pieces at once than allowed are refused") {
  Mux mux(1 << 20);
  std::vector<Arrived> arrived;
  for (std::uint32_t stream = 1; stream <= kOpenStreams; stream++)
    REQUIRE(mux.receive(frame(1, 0, stream, "x"), &arrived).ok());
  CHECK(mux.receive(frame(0, 0, 0, "x"), &arrived).ok());  // control has its own
  CHECK(mux.receive(frame(1, 1, 1000, "x"), &arrived).ok());  // and what comes whole needs none
  CHECK(mux.receive(frame(1, 1, 1, "y"), &arrived).ok());  // one that ends makes room
  CHECK(arrived.size() == 2);
  CHECK(mux.receive(frame(1, 0, 17, "x"), &arrived).ok());
  const Status s = mux.receive(frame(2, 0, 18, "x"), &arrived);
  CHECK(s.code() == PINNATE_CORRUPT);
  CHECK(s.message().find("16") != std::string::npos);
}

TEST_CASE("a message beyond its credit is refused") {
  Mux mux(8 << 20);
  std::vector<Arrived> arrived;
  const std::string piece = noise(kFragmentBytes);
  // Stream 1 is given the rest; stream 2 has what all have.
  for (std::uint32_t stream : {1u, 2u})
    for (std::size_t sent = 0; sent < kStreamCreditBytes; sent += piece.size())
      REQUIRE(mux.receive(frame(1, 0, stream, piece), &arrived).ok());
  CHECK((frames_in(output(mux, 1000)) == std::vector<Frame>{{4, 0, 2, 1}}));
  CHECK(mux.receive(frame(1, 0, 1, piece), &arrived).ok());
  CHECK(mux.receive(frame(1, 0, 2, "x"), &arrived).code() == PINNATE_CORRUPT);
}

TEST_CASE("a message over the limit is refused whatever credit it was given") {
  for (int priority : {0, 1, 2}) {
    Mux mux(8 << 20);
    std::vector<Arrived> arrived;
    Status status;
    std::size_t taken = 0;
    while (status.ok() && taken < 10 << 20) {
      status = mux.receive(frame(priority, 0, priority == 0 ? 0 : 1, noise(kFragmentBytes)), &arrived);
      taken += kFragmentBytes;
    }
    CHECK(status.code() == PINNATE_CORRUPT);
    CHECK(taken == kMessageLimitBytes);  // at once, as it cannot end within the limit any more
  }
}

TEST_CASE("whatever a peer sends, the pieces that are held stay within the bound") {
  Mux mux(8 << 20);
  std::vector<Arrived> arrived;
  const std::string piece = noise(kFragmentBytes);
  Allocations allocations;
  // All streams up to their credit, the one that is given more up to its limit.
  for (std::uint32_t stream = 0; stream <= kOpenStreams; stream++)
    for (std::size_t sent = 0; sent < kStreamCreditBytes; sent += piece.size())
      REQUIRE(mux.receive(frame(stream == 0 ? 0 : 1, 0, stream, piece), &arrived).ok());
  for (std::size_t sent = kStreamCreditBytes; sent < kMessageLimitBytes - piece.size(); sent += piece.size())
    REQUIRE(mux.receive(frame(0, 0, 0, piece), &arrived).ok());
  CHECK(arrived.empty());
  CHECK(allocations.peak_bytes() < 8 << 20);
}

TEST_CASE("whatever bytes arrive are taken or refused, and never thrown at") {
  Random random(5);
  for (int run = 0; run < 3000; run++) {
    Mux mux(1 << 20);
    std::vector<Arrived> arrived;
    std::string bytes;
    for (std::uint64_t n = random.below(20); n > 0; n--) {
      const int priority = static_cast<int>(random.below(3));
      bytes += frame(priority, static_cast<int>(random.below(2)),
                     priority == 0 ? 0 : static_cast<std::uint32_t>(random.below(4) + 1),
                     noise(1 + random.below(300), random.next()));
    }
    for (std::uint64_t n = random.below(3); n > 0 && !bytes.empty(); n--)
      bytes[random.below(bytes.size())] = static_cast<char>(random.next());
    if (random.one_in(10)) bytes = noise(random.below(500), random.next());
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t n = 1 + random.below(400);
      Status status;
      REQUIRE_NOTHROW(status = mux.receive(std::string_view(bytes).substr(at, n), &arrived));
      REQUIRE((status.ok() || status.code() == PINNATE_CORRUPT));
      at += n;
    }
    REQUIRE_NOTHROW(output(mux, 1 << 20));
  }
}
