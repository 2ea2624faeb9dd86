// The interface below connections. Its rooms, TCP (tcp.cc) and UNIX sockets (unix.cc), say how an
// address is found and bound, and how a socket becomes a stream; dialling (dialing.cc) and
// accepting (listener.cc) are the same for all. All of it lives on the loop's thread.
#pragma once

#include "base/status.h"
#include "runtime/reactor.h"
#include "runtime/transport/address.h"
#include "runtime/transport/resolver.h"
#include "runtime/transport/socket.h"
#include "runtime/watcher.h"
#include "tier/tier.h"
#include "wire/mux.h"

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>

namespace pinnate::runtime {

// One connection. A room may transform the bytes.
class Stream {
 public:
  using Owner = Watcher::Owner;
  // Instead of a number of bytes. Later: nothing moves now, and the owner is told when it does.
  // Failed: see failure().
  static constexpr ssize_t kLater = -1, kFailed = -2;

  Stream(Socket socket, tier::PeerFacts peer) : socket_(std::move(socket)), peer_(std::move(peer)) {}
  virtual ~Stream() = default;  // closes it

  const tier::PeerFacts& peer() const { return peer_; }
  Status open(Reactor& reactor, Owner* owner) { return watcher_.open(reactor, socket_.fd(), owner); }  // once
  // What the owner is told of from now on.
  void want(bool readable, bool writable) { watcher_.want(readable, writable); }
  // 0: the peer has ended. `descriptor` is set when one came with these bytes.
  virtual ssize_t read(std::span<char> into, wire::Descriptor* descriptor);
  // Bytes taken of `pieces`, which are not empty, but for the `skip` first bytes. May end anywhere.
  virtual ssize_t write(std::span<const wire::Piece> pieces, std::size_t skip);
  virtual bool carries_descriptors() const { return false; }
  std::string failure() const { return errno_text(error_); }
  void end_sending() { ::shutdown(socket_.fd(), SHUT_WR); }
  void close() {  // at once; the owner is told nothing more
    watcher_.close();
    socket_.close();
  }

 protected:
  ssize_t moved(ssize_t bytes);  // or why none were
  Socket socket_;

 private:
  tier::PeerFacts peer_;
  Watcher watcher_;
  int error_ = 0;
};

// What has to be called when a time (monotonic) has come, or tier::kNever.
class Timed {
 public:
  virtual ~Timed() = default;
  std::int64_t check_at_ms() const { return check_at_ms_; }
  virtual void check(std::int64_t now_ms) = 0;

 protected:
  std::int64_t check_at_ms_ = tier::kNever;
};

// The socket file of a listener, by which callers find it: removed with it, unless it is somebody
// else's by then.
class SocketFile {
 public:
  explicit SocketFile(std::string path) : path_(std::move(path)), made_(there()) {}
  ~SocketFile();
  SocketFile(SocketFile&&) = delete;
  store::FileId there() const;  // what stands at its path now; all zero: nothing
  bool stands() const { return there() == made_; }

 private:
  const std::string path_;
  const store::FileId made_;
};

// One attempt to open a link.
class Dialing : public Timed {
 public:
  virtual void begin() = 0;
  virtual void cancel() = 0;  // the owner is told nothing more
};

// Accepts links at one address, until it is destroyed. Is to be checked when it is short of
// descriptors or memory.
class Listener : public Timed {
 public:
  virtual const Address& bound() const = 0;  // with the real port
};

class Transport {
 public:
  class Owner {
   public:
    // How a dialing ended, once, possibly from inside its begin or check; the owner may not destroy
    // it before those return.
    virtual void dialled(tier::LinkId link, std::unique_ptr<Stream> stream) = 0;
    virtual void dial_failed(tier::LinkId link, Status why) = 0;
    virtual void accepted(std::unique_ptr<Stream> stream) = 0;
    virtual void accept_failed(const std::string& why) = 0;  // for the log
    virtual void check_wanted(std::int64_t at_ms) = 0;  // somebody's check_at_ms may have come nearer

   protected:
    ~Owner() = default;
  };
  static const Transport& of(const Address& address);

  // At most `limit_ms` in all, the lookup of a name and every address that it has.
  std::unique_ptr<Dialing> dial(Owner& owner, std::shared_ptr<Reactor> reactor, tier::LinkId link, Address address,
                                std::int64_t now_ms, std::uint32_t limit_ms) const;
  // Addresses beyond loopback need the word `insecure`: PINNATE_REFUSED. PINNATE_IN_USE;
  // PINNATE_INVALID; PINNATE_IO. A host name is looked up here and now; its first IPv4 address
  // counts, else its first. A socket file that nobody listens at is replaced.
  // `inherited`: this socket listens already, and nothing is bound.
  Result<std::unique_ptr<Listener>> listen(Owner& owner, Reactor& reactor, Address address,
                                           Socket inherited = {}) const;

  // What a room does in its own way.

  // Where to dial, in the order in which to try; may answer at once.
  virtual void find(const std::shared_ptr<Reactor>& reactor, const Address& address,
                    std::function<void(Resolved)> found) const = 0;
  virtual void prepare_for_link(const Socket& socket) const = 0;
  // A listening socket; sets the real port in `address`.
  virtual Result<Socket> bind(Address* address, std::unique_ptr<SocketFile>* file) const = 0;
  virtual std::unique_ptr<Stream> stream(Socket socket, const std::string& peer) const = 0;

 protected:
  ~Transport() = default;
};

const Transport& tcp_transport();
const Transport& unix_transport();
Status cannot_listen(const Address& address, int error);

// What an address to listen at names. "fd:N", or "insecure+fd:N" where it is bound beyond loopback,
// is a socket that listens already.
struct ListenAddress {
  Address address;
  Socket socket{};  // none: it is to be bound
};
Result<ListenAddress> parse_listen_address(const std::string& text);

}  // namespace pinnate::runtime
