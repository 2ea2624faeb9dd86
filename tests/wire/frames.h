// Two ends of a link and the bytes between them, and frames by hand.
#pragma once

#include "base/limits.h"
#include "base/random.h"
#include "noise.h"
#include "wire/mux.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace pinnate::wire {

struct Frame {
  std::size_t length = 0;
  int priority = 0, flags = 0;
  std::uint32_t stream = 0;
  bool operator==(const Frame&) const = default;
};

inline std::string frame(const Frame& f, const std::string& payload) {
  std::string out;
  for (std::size_t v : {f.length >> 8, f.length & 255, std::size_t(f.priority), std::size_t(f.flags)})
    out.push_back(static_cast<char>(v));
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(f.stream >> shift));
  return out + payload;
}
inline std::string frame(int priority, int flags, std::uint32_t stream, const std::string& payload) {
  return frame(Frame{payload.size(), priority, flags, stream}, payload);
}

// What `mux` wants to have written next, as the bytes that it becomes.
inline std::string output(Mux& mux, std::size_t most_bytes) {
  std::vector<Piece> pieces;
  CHECK(mux.take_output(most_bytes, &pieces).ok());
  std::string bytes;
  for (const Piece& p : pieces) bytes.append(p.head.data(), p.head_bytes).append(p.payload.view());
  return bytes;
}

// The payload of a credit frame.
inline std::string credit(std::size_t bytes) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(bytes >> shift));
  return out;
}

// The headers of the frames in `bytes`, which are whole.
inline std::vector<Frame> frames_in(const std::string& bytes) {
  std::vector<Frame> all;
  const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(bytes.at(at)); };
  for (std::size_t at = 0; at < bytes.size();) {
    Frame f;
    f.length = std::size_t(byte(at)) << 8 | byte(at + 1);
    f.priority = byte(at + 2);
    f.flags = byte(at + 3);
    for (std::size_t i = 4; i < 8; i++) f.stream = f.stream << 8 | byte(at + i);
    all.push_back(f);
    at += kFrameHeaderBytes + f.length;
    CHECK(at <= bytes.size());
  }
  return all;
}

struct Ends {
  Mux a{64 * 1024 * 1024}, b{64 * 1024 * 1024};
  std::vector<Arrived> at_a, at_b;

  // Carries bytes both ways until there are none, in pieces of `cut` bytes (0: of random size).
  void carry(std::size_t cut = 0, std::uint64_t seed = 1) {
    Random random(seed);
    const auto give = [&](Mux& from, Mux& to, std::vector<Arrived>* arrived) {
      const std::string bytes = output(from, 1 + random.below(200000));
      for (std::size_t at = 0; at < bytes.size();) {
        const std::size_t n = cut ? cut : 1 + random.below(random.one_in(2) ? 20 : 40000);
        if (const Status s = to.receive(std::string_view(bytes).substr(at, n), arrived); !s.ok()) FAIL(s.message());
        at += n;
      }
    };
    while (a.has_output() || b.has_output()) {
      give(a, b, &at_b);
      give(b, a, &at_a);
    }
  }
};

}  // namespace pinnate::wire
