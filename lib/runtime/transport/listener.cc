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
constexpr std::int64_t kLookMs = 5000;  // whether callers still find the socket file
constexpr std::int64_t kComplainEveryMs = 10000;

Socket spare_descriptor() { return Socket(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

class SocketListener : public Listener, private Watcher::Owner {
 public:
  SocketListener(const Transport& transport, Transport::Owner& owner, Reactor& reactor, Address address)
      : transport_(transport), owner_(owner), reactor_(reactor), address_(std::move(address)) {}
  Status open(Socket inherited) {
    spare_ = spare_descriptor();
    return inherited.ok() ? accept_from(std::move(inherited)) : bind();
  }

  const Address& bound() const override { return address_; }
  void check(std::int64_t now_ms) override {
    if (now_ms < check_at_ms_) return;
    watcher_.want(true, false);
    look_for_file();
    look_again(now_ms);
  }

 private:
  Status bind() {
    std::unique_ptr<SocketFile> file;
    Result<Socket> socket = transport_.bind(&address_, &file);
    if (!socket.ok()) return socket.status();
    file_ = std::move(file);
    look_again(monotonic_ms());
    return accept_from(std::move(*socket));
  }

  Status accept_from(Socket socket) {
    watcher_.close();
    socket_ = std::move(socket);
    if (Status status = watcher_.open(reactor_, socket_.fd(), this); !status.ok()) return status;
    watcher_.want(true, false);
    return {};
  }

  void look_again(std::int64_t now_ms) {
    check_at_ms_ = file_ ? now_ms + kLookMs : tier::kNever;
    owner_.check_wanted(check_at_ms_);
  }

  // Links go on without it, and nobody comes anew. Another process's socket is tried once.
  void look_for_file() {
    if (!file_ || file_->stands()) return;
    const store::FileId there = file_->there();
    if (there != store::FileId{} && there == in_the_way_) return;
    in_the_way_ = there;
    const Status anew = bind();
    std::string words = "the socket file of " + address_.text() + " was removed or replaced: ";
    words += anew.ok() ? "made anew" : "nobody can link there until the path is free (" + anew.message() + ")";
    if (words != said_of_file_ || anew.ok()) owner_.accept_failed(words);
    said_of_file_ = anew.ok() ? "" : words;
  }

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
  Reactor& reactor_;
  Address address_;
  Socket socket_;
  Socket spare_;  // given up when there is no other descriptor, so that a caller is turned away
  Watcher watcher_;
  std::unique_ptr<SocketFile> file_;  // goes first: while the socket lives nobody else takes the name
  store::FileId in_the_way_;
  std::string said_of_file_;
  std::int64_t complained_at_ms_ = std::numeric_limits<std::int64_t>::min();
};

}  // namespace

Result<std::unique_ptr<Listener>> Transport::listen(Owner& owner, Reactor& reactor, Address address,
                                                    Socket inherited) const {
  auto listener = std::make_unique<SocketListener>(*this, owner, reactor, std::move(address));
  if (Status status = listener->open(std::move(inherited)); !status.ok()) return status;
  return std::unique_ptr<Listener>(std::move(listener));
}

}  // namespace pinnate::runtime
