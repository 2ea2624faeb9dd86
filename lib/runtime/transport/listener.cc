// Accepts links at one address.
#include "base/guarded.h"
#include "runtime/clock.h"
#include "runtime/transport/transport.h"

#include <fcntl.h>

#include <cerrno>
#include <limits>

namespace pinnate::runtime {
namespace {

constexpr int kAcceptedPerTurn = 64;
constexpr std::int64_t kPauseMs = 100;
constexpr std::int64_t kComplainEveryMs = 10000;

Socket spare_descriptor() { return Socket(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

class SocketListener : public Listener, private Watcher::Owner {
 public:
  SocketListener(const Transport& transport, Transport::Owner& owner) : transport_(transport), owner_(owner) {}
  Status open(Reactor& reactor, Address address, Socket inherited) {
    Result<Socket> socket = inherited.ok() ? std::move(inherited) : transport_.bind(&address, &file_);
    if (!socket.ok()) return socket.status();
    address_ = std::move(address);
    socket_ = std::move(*socket);
    spare_ = spare_descriptor();
    if (Status status = watcher_.open(reactor, socket_.fd(), this); !status.ok()) return status;
    watcher_.want(true, false);
    return {};
  }

  const Address& bound() const override { return address_; }
  void check(std::int64_t now_ms) override {
    if (now_ms < check_at_ms_) return;
    check_at_ms_ = tier::kNever;
    watcher_.want(true, false);
  }

 private:
  void ready(bool, bool, bool error) noexcept override {
    const bool done = quietly([&] {
      if (error) return pause(socket_.error());
      for (int i = 0; i < kAcceptedPerTurn; i++)
        if (!accept_one()) return;
    });
    if (!done) pause();
  }

  bool accept_one() {
    SocketAddress peer;
    Socket socket(::accept4(socket_.fd(), peer.room(), &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket.ok()) {
      transport_.prepare_for_link(socket);
      owner_.accepted(transport_.stream(std::move(socket), peer.family() == AF_UNIX ? address_.text() : peer.text()));
      return true;
    }
    const int error = errno;
    if (error == EAGAIN) return false;
    const bool no_descriptor = error == EMFILE || error == ENFILE;
    if (!no_descriptor && error != ENOBUFS && error != ENOMEM && error != EBADF && error != EINVAL)
      return true;  // that caller is gone already: accept hands out its error
    pause(error);
    if (no_descriptor) turn_away_callers();
    return false;
  }

  // Better told at once than left in the queue without an answer.
  void turn_away_callers() {
    spare_.close();
    for (int i = 0; i < kAcceptedPerTurn; i++)
      if (!Socket(::accept4(socket_.fd(), nullptr, nullptr, SOCK_CLOEXEC)).ok()) break;
    spare_ = spare_descriptor();
  }

  // Without an error it needs no memory.
  void pause(int error = -1) {
    watcher_.want(false, false);
    const std::int64_t now_ms = monotonic_ms();
    check_at_ms_ = now_ms + kPauseMs;
    owner_.check_wanted(check_at_ms_);
    if (error < 0 || complained_at_ms_ > now_ms - kComplainEveryMs) return;
    complained_at_ms_ = now_ms;
    owner_.accept_failed("links at " + address_.text() +
                         " are not accepted until that works again: " + errno_text(error));
  }

  const Transport& transport_;
  Transport::Owner& owner_;
  Address address_;
  Socket socket_;
  Socket spare_;  // given up when there is no other descriptor, so that a caller is turned away
  Watcher watcher_;
  std::shared_ptr<void> file_;  // goes first: while the socket lives nobody else takes the name
  std::int64_t complained_at_ms_ = std::numeric_limits<std::int64_t>::min();
};

}  // namespace

Result<std::unique_ptr<Listener>> Transport::listen(Owner& owner, Reactor& reactor, Address address,
                                                    Socket inherited) const {
  auto listener = std::make_unique<SocketListener>(*this, owner);
  if (Status status = listener->open(reactor, std::move(address), std::move(inherited)); !status.ok()) return status;
  return std::unique_ptr<Listener>(std::move(listener));
}

}  // namespace pinnate::runtime
