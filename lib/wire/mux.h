// Frames and streams of one link, without I/O: messages in, bytes out; bytes in, messages out. PROTOCOL.md, section "Frames".
//
// Control goes before calls, calls before bulk. The streams of one class take turns, a fragment each.
// A message may send what it has credit for.
//
// Memory is bounded both ways. Unsent messages: by `limit_bytes`; send then fails and the link is to
// be closed. Arriving pieces: kStreamCreditBytes for each of kOpenStreams + 1 streams, and the rest of
// a message for stream 0 and for one other stream at a time.
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
#include <string_view>
#include <utility>
#include <vector>

namespace pinnate::wire {

inline constexpr std::size_t kFrameHeaderBytes = 8;

class Mux {
 public:
  explicit Mux(std::size_t limit_bytes) : limit_bytes_(limit_bytes) {}

  // Queues a message. PINNATE_TOO_LARGE: a message over kMessageLimitBytes (not queued). PINNATE_BUSY: the peer does not read; close the link.
  Status send(Class priority, Buffer message);

  // Bytes to write next, up to about `most_bytes` (whole frames, and a short rest with them), or "" when there is nothing that may go. What is
  // returned is gone from the queue.
  std::string take_output(std::size_t most_bytes);
  bool has_output() const;
  // What waits to be sent, a message counted a little larger than it is; 0 when nothing does.
  std::size_t queued_bytes() const { return queued_bytes_; }
  // Bulk message bytes that take_output has given out since the last call.
  std::size_t take_drained_bulk() { return std::exchange(drained_bulk_, 0); }
  std::size_t take_drained_calls() { return std::exchange(drained_calls_, 0); }  // the same of calls

  // Takes bytes as they arrive and appends every message they complete to `messages`. Fails once and for all when the peer broke
  // the protocol: close the link.
  Status receive(std::string_view bytes, std::vector<Buffer>* messages);

 private:
  struct Outgoing {
    std::uint32_t stream;
    Buffer message;
    std::size_t sent = 0;
    std::uint64_t credit = kStreamCreditBytes;
  };
  struct Lane {  // one class
    std::deque<Outgoing> waiting;  // not begun
    std::deque<Outgoing> active;  // begun, in turn
    bool was_whole = false;  // the last frame of this class was a whole message
  };
  struct Incoming {
    std::string bytes;
    std::uint64_t credit = kStreamCreditBytes;
    bool wants_more = false;
  };
  bool emit(Lane& lane, Class priority, std::string* out);
  void emit_fragment(Outgoing& message, Class priority, std::string* out);
  bool sendable(const Lane& lane) const;
  bool may_begin(const Lane& lane) const;
  static bool may_go_on(const Lane& lane);
  Status take_frame(const char* header, std::string_view payload, std::vector<Buffer>* messages);
  Status take_credit(std::uint32_t stream, std::string_view payload);
  void grant_next();
  void grant_rest(std::uint32_t stream, Incoming& in);

  std::size_t limit_bytes_;
  std::size_t queued_bytes_ = 0, drained_bulk_ = 0, drained_calls_ = 0;
  std::array<Lane, 3> lanes_;  // by class; control is stream 0, one message after another
  std::size_t open_out_ = 0;  // streams but 0 that are in pieces
  std::uint32_t next_stream_ = 1;
  std::string grants_;  // credit frames, to go out first
  std::string partial_;  // an incomplete frame
  std::map<std::uint32_t, Incoming> incoming_;
  std::deque<std::uint32_t> wanting_;  // streams but 0 that need more credit; the first of them has it
  // Granted on stream 0, by the peer and by this end, and not used while no message of it is in pieces.
  std::uint64_t granted_out_ = 0, granted_in_ = 0;
  bool broken_ = false;
};

}  // namespace pinnate::wire
