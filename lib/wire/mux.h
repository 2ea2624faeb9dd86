// Frames and streams of one link, without I/O: messages in, bytes out; bytes in, messages out. PROTOCOL.md, section "Frames".
//
// Control goes before calls, calls before bulk; the streams of one class take turns, a fragment each; a stream may send
// what it has credit for. Memory is bounded on both ways: unsent messages by `limit_bytes` (send then fails and the link is to
// be closed), arriving pieces by kOpenStreams streams of at most kMessageLimitBytes.
#pragma once

#include "base/buffer.h"
#include "base/limits.h"
#include "base/status.h"
#include "wire/message.h"

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

namespace pinnate::wire {

inline constexpr std::size_t kFrameHeaderBytes = 8;

class Mux {
 public:
  explicit Mux(std::size_t limit_bytes) : limit_bytes_(limit_bytes) {}

  // Queues a message. PINNATE_TOO_LARGE: a message over kMessageLimitBytes (not queued). PINNATE_BUSY: the peer does not read; close the link.
  Status send(Class priority, Buffer message);

  // Bytes to write next, up to about `most_bytes` (whole frames), or "" when there is nothing that may go. What is
  // returned is gone from the queue.
  std::string take_output(std::size_t most_bytes);
  bool has_output() const;
  std::size_t queued_bytes() const { return queued_bytes_; }
  // Bulk message bytes that take_output has given out since the last call.
  std::size_t take_drained_bulk() { return std::exchange(drained_bulk_, 0); }

  // Takes bytes as they arrive and appends every message they complete to `messages`. Fails once and for all when the peer broke
  // the protocol: close the link.
  Status receive(std::string_view bytes, std::vector<Buffer>* messages);

 private:
  struct Outgoing {
    std::uint32_t stream;
    Buffer message;
    std::size_t sent = 0;
  };
  struct Incoming {
    std::string bytes;
    std::size_t credit = kStreamCreditBytes;
  };
  struct Lane {                      // one class
    std::deque<Outgoing> in_order;   // stream 0 of control
    std::deque<Outgoing> waiting;    // not begun
    std::deque<Outgoing> active;     // begun, in turn
  };
  bool emit(Lane& lane, Class priority, std::string* out);
  bool emit_fragment(Outgoing& message, Class priority, std::string* out);
  Status take_frame(std::string_view header, std::string_view payload, std::vector<Buffer>* messages);

  std::size_t limit_bytes_;
  std::size_t queued_bytes_ = 0, drained_bulk_ = 0;
  std::array<Lane, 3> lanes_;
  std::map<std::uint32_t, std::size_t> credit_;  // of streams we send in pieces
  std::size_t open_out_ = 0;
  std::uint32_t next_stream_ = 1;
  std::string grants_;                           // credit frames to go out first
  std::string partial_;                          // an incomplete frame
  std::map<std::uint32_t, Incoming> incoming_;
  bool broken_ = false;
};

}  // namespace pinnate::wire
