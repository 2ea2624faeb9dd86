// One connection: frames on a stream. Pieces leave only as the stream takes them, so that control
// overtakes bulk until the last moment. Reading is bounded per turn, so that one link cannot starve
// others. Small while idle: a link owns no buffers but what waits.
#pragma once

#include "base/buffer.h"
#include "base/status.h"
#include "runtime/reactor.h"
#include "runtime/transport/transport.h"
#include "tier/tier.h"
#include "wire/mux.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace pinnate::runtime {

class Link : private Stream::Owner {
 public:
  // None may destroy the link before it returns to the loop; all may close or drop it.
  class Owner {
   public:
    virtual void link_heard(Link& link) = 0;  // once per turn
    virtual void link_message(Link& link, wire::Arrived arrived) = 0;
    virtual void link_writable(Link& link) = 0;  // answer with flush
    virtual void link_has_output(Link& link) = 0;  // flush it when the turn ends; once until flushed
    virtual void link_broken(Link& link, Status why) = 0;  // the transport, or the protocol on it; close it
    virtual bool may_read() const = 0;  // else links stop reading, until told to go on

   protected:
    ~Owner() = default;
  };

  Link(Owner& owner, Reactor& reactor, tier::LinkId id, std::unique_ptr<Stream> stream, std::size_t limit_bytes);
  Status open();  // once; begins to read

  tier::LinkId id() const { return id_; }
  const tier::PeerFacts& peer() const { return stream_->peer(); }

  // PINNATE_BUSY: the peer does not read; PINNATE_TOO_LARGE: not sent, nothing else happened;
  // PINNATE_UNSUPPORTED: the transport carries no descriptors.
  Status send(wire::Class priority, Buffer message, wire::Descriptor descriptor = {});
  // Writes what the stream takes now; the rest follows as it becomes writable. Not ok: broken.
  Status flush();
  tier::Drained take_drained() { return {mux_.take_drained_bulk(), mux_.take_drained_calls()}; }
  void read_on();  // after may_read() was false
  // So much waits that the peer may as well begin with it while this turn goes on.
  bool worth_writing() const {
    return !full_ && (sent_since_flush_ >= kWorthWriting || mux_.queued_bytes() >= kWorthWritingBytes);
  }

  // From now on only what was sent goes out; then the peer is told that no more comes, and what it
  // still sends is read and forgotten: closing with bytes unread would reset the connection, and
  // the peer would lose our last words.
  void drop();
  bool dropped() const { return state_ == State::dropped; }
  // At once.
  void close();
  bool closed() const { return state_ == State::closed; }

 private:
  enum class State : std::uint8_t { open, dropped, closed };
  static constexpr std::size_t kWorthWriting = 32, kWorthWritingBytes = 64 * 1024;

  void ready(bool readable, bool writable, bool error) noexcept override;
  void read(bool last);
  bool take(std::string_view bytes, wire::Descriptor descriptor, bool* heard);
  Status write();
  bool sent(std::size_t bytes);
  void watch() { stream_->want(!paused_, full_); }
  Status lost(const std::string& how) const;

  Owner& owner_;
  Reactor& reactor_;
  const tier::LinkId id_;
  std::unique_ptr<Stream> stream_;
  wire::Mux mux_;
  std::vector<wire::Piece> unsent_;  // taken from the mux, not yet by the stream, from the byte unsent_at_ of first_ on
  std::size_t first_ = 0, unsent_at_ = 0;
  std::uint32_t sent_since_flush_ = 0;  // messages
  State state_ = State::open;
  bool output_announced_ = false, full_ = false, paused_ = false, ended_sending_ = false;
};

}  // namespace pinnate::runtime
