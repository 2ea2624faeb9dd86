// One transport connection: frames on a stream socket. Bytes leave only as the socket takes them, so that control
// overtakes bulk until the last moment, and reading is bounded per turn, so that one link cannot starve others. Small
// while idle: it owns no buffers but what waits.
#pragma once

#include "base/buffer.h"
#include "base/status.h"
#include "runtime/reactor.h"
#include "runtime/socket.h"
#include "runtime/watcher.h"
#include "tier/tier.h"
#include "wire/mux.h"

#include <cstdint>
#include <string>

namespace pinnate::runtime {

class Link : private Watcher::Owner {
 public:
  // None may destroy the link before it returns to the loop; all may close or drop it.
  class Owner {
   public:
    virtual void link_heard(Link& link) = 0;  // once per turn
    virtual void link_message(Link& link, Buffer message) = 0;
    virtual void link_writable(Link& link) = 0;  // answer with flush
    virtual void link_has_output(Link& link) = 0;  // flush it when the turn ends; once until flushed
    virtual void link_broken(Link& link, Status why) = 0;  // the transport, or the protocol on it; close it
    virtual bool may_read() const = 0;  // else links stop reading, until told to go on

   protected:
    ~Owner() = default;
  };

  // `peer`: its address, for the words of a failure.
  Link(Owner& owner, Reactor& reactor, tier::LinkId id, Socket socket, std::string peer, std::size_t limit_bytes);
  Status open();  // once; begins to read

  tier::LinkId id() const { return id_; }
  const std::string& peer() const { return peer_; }

  // PINNATE_BUSY: the peer does not read; PINNATE_TOO_LARGE: not sent, nothing else happened.
  Status send(wire::Class priority, Buffer message);
  // Writes what the socket takes now; the rest follows as it becomes writable. Not ok: broken.
  Status flush();
  tier::Drained take_drained() { return {mux_.take_drained_bulk(), mux_.take_drained_calls()}; }
  void read_on();  // after may_read() was false

  // From now on only what was sent goes out; then the peer is told that no more comes, and what it still sends is read
  // and forgotten: closing with bytes unread would reset the connection, and the peer would lose our last words.
  void drop();
  bool dropped() const { return state_ == State::dropped; }
  // At once.
  void close();
  bool closed() const { return state_ == State::closed; }

 private:
  enum class State : std::uint8_t { open, dropped, closed };

  void ready(bool readable, bool writable, bool error) noexcept override;
  void read(bool last);
  bool take(std::string_view bytes, bool* heard);
  Status write();
  void watch();
  Status lost(const std::string& how) const;

  Owner& owner_;
  Reactor& reactor_;
  const tier::LinkId id_;
  Socket socket_;
  std::string peer_;
  Watcher watcher_;
  wire::Mux mux_;
  std::string unsent_;  // taken from the mux, not yet by the socket, from unsent_at_ on
  std::size_t unsent_at_ = 0;
  State state_ = State::open;
  bool output_announced_ = false, full_ = false, paused_ = false, ended_sending_ = false;
};

}  // namespace pinnate::runtime
