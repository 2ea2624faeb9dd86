// What the rooms of TCP and UNIX sockets share: one address after another is dialled, callers are
// accepted in turns, and pieces leave by sendmsg.
#pragma once

#include "runtime/transport/resolver.h"
#include "runtime/transport/socket.h"
#include "runtime/transport/transport.h"

#include <functional>
#include <memory>
#include <string>

namespace pinnate::runtime {

class SocketStream : public Stream {
 public:
  SocketStream(Socket socket, tier::PeerFacts peer) : socket_(std::move(socket)), peer_(std::move(peer)) {}

  const tier::PeerFacts& peer() const override { return peer_; }
  Status open(Reactor& reactor, Owner* owner) override { return watcher_.open(reactor, socket_.fd(), owner); }
  void want(bool readable, bool writable) override { watcher_.want(readable, writable); }
  ssize_t read(std::span<char> into, wire::Descriptor*) override {
    return moved(::recv(socket_.fd(), into.data(), into.size(), 0));
  }
  ssize_t write(std::span<const wire::Piece> pieces, std::size_t skip) override;
  bool carries_descriptors() const override { return false; }
  std::string failure() const override { return errno_text(error_); }
  void end_sending() override { ::shutdown(socket_.fd(), SHUT_WR); }
  void close() override {
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

class SocketTransport : public Transport {
 public:
  std::unique_ptr<Dialing> dial(Owner& owner, std::shared_ptr<Reactor> reactor, tier::LinkId link, Address address,
                                std::int64_t now_ms) const final;
  Result<std::unique_ptr<Listener>> listen(Owner& owner, Reactor& reactor, Address address) const final;

  // Where to dial, in the order in which to try; may answer at once.
  virtual void find(const std::shared_ptr<Reactor>& reactor, const Address& address,
                    std::function<void(Resolved)> found) const = 0;
  virtual void prepare_for_link(const Socket& socket) const = 0;
  // Sets the real port in `address`. What is put in `file` is destroyed with the listener.
  virtual Result<Socket> bind(Address* address, std::shared_ptr<void>* file) const = 0;
  virtual std::unique_ptr<Stream> stream(Socket socket, const std::string& peer) const = 0;
};

const SocketTransport& tcp_transport();
const SocketTransport& unix_transport();
Status cannot_listen(const Address& address, int error);
inline constexpr int kListenBacklog = 4096;

}  // namespace pinnate::runtime
