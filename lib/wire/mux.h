// Frames and streams of one link, without I/O: messages in, bytes out; bytes in, messages out.
// PROTOCOL.md, section "Frames".
//
// Control goes before calls, calls before bulk. The streams of one class take turns, a fragment
// each. A message may send what it has credit for.
//
// Memory is bounded both ways. Unsent messages: by `limit_bytes`; send then fails and the link is
// to be closed. Arriving pieces: kStreamCreditBytes for each of kOpenStreams + 1 streams, and the
// rest of a message for stream 0 and for one other stream at a time.
#pragma once

#include "base/buffer.h"
#include "base/fifo.h"
#include "base/limits.h"
#include "base/status.h"
#include "wire/message.h"

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pinnate::wire {

inline constexpr std::size_t kFrameHeaderBytes = 8;

// A descriptor that travels with a message. Whoever made it says what happens when the last
// reference goes.
using Descriptor = std::shared_ptr<const int>;

// A frame on its way out: its header, or a whole frame of credit, and by reference what follows.
struct Piece {
  std::array<char, kFrameHeaderBytes + 4> head;
  std::uint8_t head_bytes = kFrameHeaderBytes;
  Buffer payload;
  Descriptor descriptor;  // goes with the first byte

  std::size_t size() const { return head_bytes + payload.size(); }
};

struct Arrived {
  Buffer message;
  Descriptor descriptor;
};

class Mux {
 public:
  explicit Mux(std::size_t limit_bytes) : limit_bytes_(limit_bytes) {}

  // Queues a message. PINNATE_TOO_LARGE: a message over kMessageLimitBytes (not queued).
  // PINNATE_BUSY: the peer does not read; close the link. A descriptor is for links whose transport
  // carries them.
  Status send(Class priority, Buffer message, Descriptor descriptor = {});

  // What to write next, up to about `most_bytes` (whole frames, and a short rest with them), or
  // nothing when nothing may go. What is returned is gone from the queue. Not ok: a defect; close
  // the link.
  Status take_output(std::size_t most_bytes, std::vector<Piece>* out);
  bool has_output() const;
  // What waits to be sent, a message counted a little larger than it is; 0 when nothing does.
  std::size_t queued_bytes() const { return queued_bytes_; }
  // Bulk message bytes that take_output has given out since the last call.
  std::size_t take_drained_bulk() { return std::exchange(drained_bulk_, 0); }
  std::size_t take_drained_calls() { return std::exchange(drained_calls_, 0); }  // the same of calls

  // Takes bytes as they arrive, with the descriptor that came with them, and appends every message
  // they complete. Fails once and for all when the peer broke the protocol, and says which rule:
  // close the link.
  Status receive(std::string_view bytes, std::vector<Arrived>* messages, Descriptor descriptor = {});

 private:
  struct Outgoing {
    std::uint32_t stream = 0;
    Buffer message;
    Descriptor descriptor;
    std::size_t sent = 0;
    std::uint64_t credit = kStreamCreditBytes;
  };
  struct Lane {  // one class
    Fifo<Outgoing> waiting;  // not begun
    Fifo<Outgoing> active;  // begun, in turn
    bool was_whole = false;  // the last frame of this class was a whole message
  };
  struct Incoming {
    std::string bytes;
    std::uint64_t credit = kStreamCreditBytes;
    bool wants_more = false;
  };
  bool emit(Lane& lane, Class priority, std::vector<Piece>* out);
  void emit_fragment(Outgoing& message, Class priority, std::vector<Piece>* out);
  bool sendable(const Lane& lane) const;
  bool may_begin(const Lane& lane) const;
  static bool may_go_on(const Lane& lane);
  Status take_bytes(std::string_view bytes, std::vector<Arrived>* messages);
  Status take_frame(const char* header, std::string_view payload, std::vector<Arrived>* messages);
  Status complete(Buffer message, std::uint8_t flags, std::vector<Arrived>* messages);
  Status take_credit(std::uint32_t stream, std::string_view payload);
  Status grant_next();
  Status grant_rest(std::uint32_t stream, Incoming& in);

  std::size_t limit_bytes_;
  std::size_t queued_bytes_ = 0, drained_bulk_ = 0, drained_calls_ = 0;
  std::array<Lane, 3> lanes_;  // by class; control is stream 0, one message after another
  std::size_t open_out_ = 0;  // streams but 0 that are in pieces
  std::uint32_t next_stream_ = 1;
  std::map<std::uint32_t, std::uint64_t> grants_;  // by stream; go out first
  std::string partial_;  // an incomplete frame
  std::map<std::uint32_t, Incoming> incoming_;
  Fifo<std::uint32_t> wanting_;  // streams but 0 that need more credit; the first of them has it
  // Granted on stream 0, by the peer and by this end, and not used while no message of it is in
  // pieces.
  std::uint64_t granted_out_ = 0, granted_in_ = 0;
  std::vector<Descriptor> unclaimed_;  // came, and their frames did not yet
  bool broken_ = false, defective_ = false;  // by the peer, by this end
};

}  // namespace pinnate::wire
