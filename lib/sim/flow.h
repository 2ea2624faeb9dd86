// What holds up one direction of a connection: a stall, a limited rate, a cut to come, a queue
// behind them. Connections that flow freely have none, so that a million of them fit.
#pragma once

#include "base/buffer.h"
#include "tier/tier.h"
#include "wire/message.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

namespace pinnate::sim {

// What travels at once: a whole message, a part that only shows that the sender lives, or raw
// bytes.
struct Piece {
  Buffer message;  // empty but for the last piece of a message
  std::string raw;  // of a mux
  std::size_t bytes = 0;  // of the wire
  tier::Drained drained;  // of them, bulk and calls: the sender is told when they have arrived
  bool end = false;  // nothing follows: the sender has closed
};

class Flow {
 public:
  bool stalled = false;
  std::uint64_t bytes_per_second = 0;  // 0: no limit
  std::int64_t cut_after_bytes = -1;  // the connection is reset when so many more have arrived; -1: it is not
  bool busy = false;  // a piece is going out, at a limited rate
  bool closing = false, end_sent = false;
  std::deque<Piece> held;  // arrived while the way was blocked

  void push(wire::Class priority, Buffer message);
  std::size_t queued_bytes() const { return queued_bytes_; }
  void discard();
  // Control before calls before bulk; a message, or `most_bytes` of it. False: nothing waits.
  bool take(std::size_t most_bytes, Piece* piece);

 private:
  struct Unsent {
    Buffer message;
    std::size_t sent = 0;
  };
  std::array<std::deque<Unsent>, 3> unsent_;  // by class
  std::size_t queued_bytes_ = 0;
};

}  // namespace pinnate::sim
