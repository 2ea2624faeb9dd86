// Messages cut into frames and put together again.
#include "wire/mux.h"

#include "wire/allocations.h"
#include "wire/frames.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

using namespace pinnate;
using namespace pinnate::wire;

namespace {

constexpr Class kClasses[] = {Class::control, Class::call, Class::bulk};

std::vector<std::string> texts(const std::vector<Arrived>& messages) {
  std::vector<std::string> all;
  for (const Arrived& m : messages) all.push_back(m.message.str());
  return all;
}

}  // namespace

TEST_CASE("a message of any size arrives whole, in whatever pieces its bytes come") {
  for (std::size_t size :
       {std::size_t(1), std::size_t(2), std::size_t(255), kFragmentBytes - 1, kFragmentBytes, kFragmentBytes + 1,
        2 * kFragmentBytes, kChunkBytes + 50, kStreamCreditBytes - 1, kStreamCreditBytes, kStreamCreditBytes + 1,
        std::size_t(1024 * 1024), kMessageLimitBytes - 1, kMessageLimitBytes}) {
    const std::string text = noise(size);
    for (std::size_t cut : {1, 3, 7, 8, 9, 1000, 0}) {
      if (cut == 1 && size > 200000) continue;
      CAPTURE(size);
      CAPTURE(cut);
      Ends ends;
      for (Class c : kClasses) REQUIRE(ends.a.send(c, Buffer(text)).ok());
      REQUIRE(ends.b.send(Class::call, Buffer(text)).ok());
      ends.carry(cut);
      CHECK((texts(ends.at_b) == std::vector<std::string>(3, text)));
      CHECK((texts(ends.at_a) == std::vector<std::string>(1, text)));
      CHECK(ends.a.queued_bytes() == 0);
    }
  }
}

TEST_CASE("any mix of messages arrives, control in the order it was sent") {
  for (std::uint64_t seed = 1; seed <= 30; seed++) {
    CAPTURE(seed);
    Random random(seed);
    Ends ends;
    std::vector<std::string> control, other;
    for (int i = 0; i < 60; i++) {
      const Class c = kClasses[random.below(3)];
      const std::string text =
          std::string(1, static_cast<char>('0' + static_cast<int>(c))) +
          noise(1 + random.below(random.one_in(4) ? 400000 : 20000), seed * 1000 + static_cast<std::uint64_t>(i));
      REQUIRE(ends.a.send(c, Buffer(text)).ok());
      (c == Class::control ? control : other).push_back(text);
      if (random.one_in(10)) ends.carry(0, seed);
    }
    ends.carry(0, seed + 100);
    std::vector<std::string> control_came, other_came;
    for (const std::string& text : texts(ends.at_b)) (text[0] == '0' ? control_came : other_came).push_back(text);
    std::sort(other.begin(), other.end());
    std::sort(other_came.begin(), other_came.end());
    CHECK((control_came == control));
    CHECK((other_came == other));
    CHECK(ends.a.queued_bytes() == 0);
  }
}

TEST_CASE("a message of one frame takes one header of eight bytes") {
  Mux mux(1 << 20);
  REQUIRE(mux.send(Class::control, Buffer("abc")).ok());
  CHECK((output(mux, 100) == frame(0, 1, 0, "abc")));
  REQUIRE(mux.send(Class::bulk, Buffer("def")).ok());
  CHECK((output(mux, 100) == frame(2, 1, 1, "def")));
}

TEST_CASE("control goes before calls and calls before bulk, also past messages that are half out") {
  Mux mux(8 << 20);
  REQUIRE(mux.send(Class::bulk, Buffer(noise(60000))).ok());
  CHECK(frames_in(output(mux, 1)).at(0).priority == 2);
  REQUIRE(mux.send(Class::call, Buffer(noise(40000))).ok());
  CHECK(frames_in(output(mux, 1)).at(0).priority == 1);
  REQUIRE(mux.send(Class::control, Buffer(noise(30000))).ok());
  std::vector<int> order;
  for (const Frame& f : frames_in(output(mux, 1 << 20))) order.push_back(f.priority);
  CHECK(order == std::vector<int>{0, 0, 1, 1, 2, 2, 2});
}

TEST_CASE("messages of one class take turns, a frame each") {
  Mux mux(8 << 20);
  for (int i = 0; i < 3; i++) REQUIRE(mux.send(Class::call, Buffer(noise(5 * kFragmentBytes))).ok());
  const auto frames = frames_in(output(mux, 1 << 20));
  REQUIRE(frames.size() == 15);
  std::map<std::uint32_t, std::size_t> last;
  for (std::size_t i = 0; i < frames.size(); i++) {
    if (last.contains(frames[i].stream)) CHECK(i - last[frames[i].stream] <= 3);
    last[frames[i].stream] = i;
  }
  CHECK(last.size() == 3);
}

TEST_CASE("short messages do not hold up a long one of their class for longer than a frame each") {
  Mux mux(8 << 20);
  REQUIRE(mux.send(Class::call, Buffer(noise(80000))).ok());
  output(mux, 1);
  for (int i = 0; i < 100; i++) REQUIRE(mux.send(Class::call, Buffer("short")).ok());
  const auto frames = frames_in(output(mux, 1 << 20));
  std::size_t last = 0;
  for (std::size_t i = 0; i < frames.size(); i++)
    if (frames[i].stream == 1) last = i;
  CHECK(last <= 8);
  CHECK(frames.size() == 104);
}

TEST_CASE("a long call begins at once while many chunks are under way") {
  Ends ends;
  for (int i = 0; i < 40; i++) REQUIRE(ends.a.send(Class::bulk, Buffer(noise(kChunkBytes))).ok());
  std::set<std::uint32_t> open;
  for (const Frame& f : frames_in(output(ends.a, kOpenStreams * (kFragmentBytes + kFrameHeaderBytes))))
    open.insert(f.stream);
  CHECK(open.size() < kOpenStreams);
  REQUIRE(ends.a.send(Class::call, Buffer(noise(2 * kFragmentBytes))).ok());
  const auto frames = frames_in(output(ends.a, 2 * kFragmentBytes));
  REQUIRE(frames.size() == 2);
  CHECK(frames[0].priority == 1);
  CHECK(frames[1].priority == 1);
}

TEST_CASE("a message beyond its credit waits until it is given more, and others pass it") {
  Mux sender(8 << 20), receiver(8 << 20);
  const std::string text = noise(1 << 20);
  REQUIRE(sender.send(Class::call, Buffer(text)).ok());
  std::size_t sent = 0;
  const std::string first = output(sender, 8 << 20);
  for (const Frame& f : frames_in(first)) sent += f.length;
  CHECK(sent == kStreamCreditBytes);
  CHECK_FALSE(sender.has_output());
  CHECK(output(sender, 1000).empty());
  REQUIRE(sender.send(Class::bulk, Buffer("passes")).ok());
  CHECK(frames_in(output(sender, 1000)).size() == 1);

  std::vector<Arrived> arrived;
  REQUIRE(receiver.receive(first, &arrived).ok());
  const std::string grant = output(receiver, 1000);
  CHECK((frames_in(grant) == std::vector<Frame>{{4, 0, 2, 1}}));
  REQUIRE(sender.receive(grant, &arrived).ok());
  REQUIRE(receiver.receive(output(sender, 8 << 20), &arrived).ok());
  REQUIRE(arrived.size() == 1);
  CHECK((arrived[0].message.view() == text));
}

TEST_CASE("however many large messages go at once, all of them finish") {
  Ends ends;
  std::vector<std::string> sent;
  for (std::uint64_t i = 0; i < 24; i++) {
    sent.push_back(noise(kMessageLimitBytes - i * 1000, i));
    REQUIRE(ends.a.send(kClasses[i % 3], Buffer(sent.back())).ok());
    REQUIRE(ends.b.send(kClasses[i % 3], Buffer(sent.back())).ok());
  }
  ends.carry();
  for (auto* arrived : {&ends.at_a, &ends.at_b}) {
    auto came = texts(*arrived);
    std::sort(came.begin(), came.end());
    auto expected = sent;
    std::sort(expected.begin(), expected.end());
    CHECK((came == expected));
  }
}

TEST_CASE("credit for a numbered message that has ended or not begun does nothing") {
  Mux mux(8 << 20);
  std::vector<Arrived> arrived;
  const std::string rest = credit(1 << 20);
  CHECK(mux.receive(frame(0, 2, 99, rest) + frame(0, 2, 1, rest), &arrived).ok());
  REQUIRE(mux.send(Class::call, Buffer(noise(1 << 20))).ok());
  output(mux, 8 << 20);
  CHECK_FALSE(mux.has_output());
  CHECK(mux.receive(frame(0, 2, 1, rest), &arrived).ok());
  output(mux, 8 << 20);
  CHECK(mux.queued_bytes() == 0);
}

TEST_CASE("grants add up, and only the payload of frames uses them") {
  Mux mux(8 << 20);
  std::vector<Arrived> arrived;
  REQUIRE(mux.send(Class::call, Buffer(noise(kMessageLimitBytes))).ok());
  output(mux, 1);
  for (int i = 0; i < 10; i++) CHECK(mux.receive(frame(0, 2, 1, credit(100)), &arrived).ok());
  std::size_t sent = kFragmentBytes;
  for (const Frame& f : frames_in(output(mux, 8 << 20))) sent += f.length;
  CHECK(sent == kStreamCreditBytes + 1000);
  for (int i = 0; i < 3; i++) CHECK(mux.receive(frame(0, 2, 1, credit(kMessageLimitBytes)), &arrived).ok());
  output(mux, 8 << 20);
  CHECK(mux.queued_bytes() == 0);
}

TEST_CASE("a control message may use what was granted to the one before it, at the end that receives") {
  Mux receiver(8 << 20);
  std::vector<Arrived> arrived;
  const std::string a = noise(86000, 1), x = noise(kStreamCreditBytes, 2), b = noise(kMessageLimitBytes, 3);
  const auto pieces = [](int priority, std::uint32_t stream, const std::string& part, bool fin) {
    std::string out;
    for (std::size_t at = 0; at < part.size(); at += 12000)
      out += frame(priority, fin && at + 12000 >= part.size(), stream, part.substr(at, 12000));
    return out;
  };
  const std::size_t first = 16384;
  REQUIRE(
      receiver
          .receive(pieces(0, 0, a, true) + pieces(2, 1, x, false) + pieces(0, 0, b.substr(0, first), false), &arrived)
          .ok());
  REQUIRE(arrived.size() == 1);
  // What came for A is all that B has beside its own allowance; X holds the turn of numbered
  // streams.
  const std::string grants = output(receiver, 1000);
  CHECK((frames_in(grants) == std::vector<Frame>{{4, 0, 2, 0}, {4, 0, 2, 1}}));
  CHECK((grants.substr(8, 4) == credit(kMessageLimitBytes - kStreamCreditBytes)));
  const Status status = receiver.receive(pieces(0, 0, b.substr(first, b.size() - 1 - first), false), &arrived);
  CHECK_MESSAGE(status.ok(), status.message());
  CHECK(receiver.receive(frame(0, 1, 0, b.substr(b.size() - 1)), &arrived).ok());
  REQUIRE(arrived.size() == 2);
  CHECK((arrived[1].message.view() == b));
  // The next one gets as much again, but for the byte that B did not use.
  CHECK(receiver.receive(pieces(0, 0, b.substr(0, kStreamCreditBytes), false), &arrived).ok());
  CHECK((output(receiver, 1000).substr(8) == credit(kMessageLimitBytes - kStreamCreditBytes)));
}

TEST_CASE("a control message uses what was granted to the one before it, at the end that sends") {
  for (bool ended : {false, true}) {
    CAPTURE(ended);
    Mux sender(8 << 20);
    std::vector<Arrived> arrived;
    REQUIRE(sender.send(Class::control, Buffer(noise(86000))).ok());
    output(sender, ended ? 1 << 20 : 1);  // the grant finds it gone, or still in pieces
    REQUIRE(sender.receive(frame(0, 2, 0, credit(50000)), &arrived).ok());
    output(sender, 1 << 20);
    REQUIRE(sender.send(Class::control, Buffer("whole frames need no credit")).ok());
    REQUIRE(sender.send(Class::control, Buffer(noise(kStreamCreditBytes + 30000))).ok());
    REQUIRE(sender.send(Class::control, Buffer(noise(kStreamCreditBytes + 20001))).ok());
    output(sender, 1 << 20);
    CHECK_FALSE(sender.has_output());
    CHECK(sender.queued_bytes() < 200);  // one byte, and what a waiting message counts
    REQUIRE(sender.receive(frame(0, 2, 0, credit(1)), &arrived).ok());
    CHECK(frames_in(output(sender, 1 << 20)).size() == 1);
    CHECK(sender.queued_bytes() == 0);
  }
}

TEST_CASE("whatever was granted before, both ends count the credit of control alike") {
  for (std::uint64_t seed = 1; seed <= 20; seed++) {
    CAPTURE(seed);
    Random random(seed);
    Ends ends;
    std::vector<std::string> sent;
    for (int i = 0; i < 40; i++) {
      sent.push_back(
          noise(1 + random.below(random.one_in(3) ? kMessageLimitBytes : 120000), seed * 100 + std::uint64_t(i)));
      REQUIRE(ends.a.send(Class::control, Buffer(sent.back())).ok());
      if (random.one_in(3)) REQUIRE(ends.a.send(Class::bulk, Buffer(noise(200000))).ok());
      if (random.one_in(2)) ends.carry(0, seed + std::uint64_t(i));
    }
    ends.carry(0, seed);
    std::erase_if(ends.at_b, [](const Arrived& m) { return m.message.view() == noise(200000); });
    CHECK((texts(ends.at_b) == sent));
  }
}

TEST_CASE("what is queued for a peer that does not read is bounded, and sending then says so") {
  Mux mux(1000000);
  Status status;
  std::size_t accepted = 0;
  for (int i = 0; i < 1000 && status.ok(); i++) {
    status = mux.send(Class::control, Buffer(noise(10000)));
    accepted += status.ok();
  }
  CHECK(status.code() == PINNATE_BUSY);
  CHECK(status.message().find("does not read") != std::string::npos);
  CHECK(accepted > 90);
  CHECK(accepted <= 100);
  CHECK(mux.queued_bytes() <= 1000000);
  output(mux, 50000);
  CHECK(mux.send(Class::control, Buffer(noise(10000))).ok());
}

TEST_CASE("however short the messages that wait for such a peer, they take no more memory than that") {
  Allocations allocations;
  Mux mux(1 << 20);
  while (mux.send(Class::control, encode(Pong{1})).ok()) continue;
  CHECK(allocations.peak_bytes() < 2 << 20);
  while (mux.has_output()) output(mux, 65536);
  CHECK(mux.queued_bytes() == 0);
}

TEST_CASE("a message over the limit, or without a byte, is not queued") {
  Mux mux(8 << 20);
  CHECK(mux.send(Class::bulk, Buffer(noise(kMessageLimitBytes + 1))).code() == PINNATE_TOO_LARGE);
  CHECK(mux.send(Class::bulk, Buffer()).code() == PINNATE_TOO_LARGE);
  CHECK(mux.queued_bytes() == 0);
  CHECK_FALSE(mux.has_output());
}

TEST_CASE("what went out as bulk is counted, and nothing else") {
  Ends ends;
  REQUIRE(ends.a.send(Class::control, Buffer(noise(50000))).ok());
  REQUIRE(ends.a.send(Class::call, Buffer(noise(50000))).ok());
  REQUIRE(ends.a.send(Class::bulk, Buffer(noise(70000))).ok());
  REQUIRE(ends.a.send(Class::bulk, Buffer(noise(100))).ok());
  CHECK(ends.a.take_drained_bulk() == 0);
  ends.carry();
  CHECK(ends.a.take_drained_bulk() == 70100);
  CHECK(ends.a.take_drained_bulk() == 0);
}

TEST_CASE("output is taken about as much at a time as is asked for, in whole frames") {
  Mux mux(8 << 20);
  REQUIRE(mux.send(Class::bulk, Buffer(noise(90000))).ok());
  for (std::string out = output(mux, 20000); !out.empty(); out = output(mux, 20000)) {
    CHECK(out.size() < 20000 + kFragmentBytes + kFrameHeaderBytes);
    frames_in(out);
  }
}

TEST_CASE("a message that is sent to many links is held once") {
  const Buffer shared(noise(1 << 20));
  Allocations allocations;
  std::vector<Mux> links;
  for (int i = 0; i < 20; i++) {
    links.emplace_back(std::size_t(8 << 20));
    REQUIRE(links.back().send(Class::bulk, shared).ok());
  }
  CHECK(allocations.peak_bytes() < 1 << 20);
}

TEST_CASE("what goes out of a message is the memory that the message has, and nothing is copied") {
  Mux mux(8 << 20);
  const Buffer message(noise(60000));
  for (int i = 0; i < 3; i++) REQUIRE(mux.send(kClasses[i], message).ok());
  std::vector<Piece> pieces;
  REQUIRE(mux.take_output(1 << 20, &pieces).ok());
  REQUIRE(pieces.size() == 12);
  for (std::size_t i = 0; i < pieces.size(); i++)
    CHECK(pieces[i].payload.data() == message.data() + i % 4 * kFragmentBytes);
}

TEST_CASE("a descriptor goes with the last frame of its message and arrives with that message") {
  Mux sender(8 << 20), receiver(8 << 20);
  REQUIRE(sender.send(Class::bulk, Buffer(noise(40000)), std::make_shared<const int>(7)).ok());
  REQUIRE(sender.send(Class::bulk, Buffer("without")).ok());
  REQUIRE(sender.send(Class::control, Buffer("also with"), std::make_shared<const int>(8)).ok());
  std::vector<Piece> pieces;
  REQUIRE(sender.take_output(1 << 20, &pieces).ok());
  std::vector<Arrived> arrived;
  for (const Piece& p : pieces) {
    // The descriptor comes with the first byte, the rest of the frame whenever it does.
    const std::string bytes = std::string(p.head.data(), p.head_bytes) + p.payload.str();
    REQUIRE(receiver.receive(bytes.substr(0, 1), &arrived, p.descriptor).ok());
    REQUIRE(receiver.receive(bytes.substr(1), &arrived).ok());
  }
  std::map<std::size_t, int> came;  // by size of the message
  for (const Arrived& a : arrived) came[a.message.size()] = a.descriptor ? *a.descriptor : -1;
  CHECK((came == std::map<std::size_t, int>{{40000, 7}, {7, -1}, {9, 8}}));
}
