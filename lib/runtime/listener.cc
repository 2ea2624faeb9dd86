#include "runtime/listener.h"

#include "runtime/listen_socket.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <exception>

namespace pinnate::runtime {
namespace {

constexpr int kAcceptedPerTurn = 64;
constexpr std::int64_t kPauseMs = 100;
constexpr std::int64_t kComplainEveryMs = 10000;

Socket spare_descriptor() { return Socket(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

}  // namespace

Listener::Listener(Owner& owner, Address address, Socket socket)
    : owner_(owner), address_(std::move(address)), socket_(std::move(socket)), spare_(spare_descriptor()) {
  struct stat facts {};
  if (address_.transport == Address::Transport::unix_socket && lstat(address_.path.c_str(), &facts) == 0) {
    file_device_ = facts.st_dev;
    file_number_ = facts.st_ino;
  }
}

Listener::~Listener() {
  // Not a successor's file.
  struct stat facts {};
  if (file_number_ != 0 && lstat(address_.path.c_str(), &facts) == 0 && facts.st_dev == file_device_ &&
      facts.st_ino == file_number_)
    ::unlink(address_.path.c_str());
}

Result<std::unique_ptr<Listener>> Listener::open(Owner& owner, Reactor& reactor, Address address) {
  Result<Socket> socket = listen_at(&address);
  if (!socket.ok()) return socket.status();
  std::unique_ptr<Listener> listener(new Listener(owner, std::move(address), std::move(*socket)));
  if (Status status = listener->watcher_.open(reactor, listener->socket_.fd(), listener.get()); !status.ok())
    return status;
  listener->watcher_.want(true, false);
  return listener;
}

void Listener::ready(bool, bool, bool error) noexcept {
  try {
    if (error) return pause(socket_.error());
    for (int i = 0; i < kAcceptedPerTurn; i++)
      if (!accept_one()) return;
  } catch (const std::exception&) {
    pause();
  }
}

bool Listener::accept_one() {
  SocketAddress peer;
  peer.length = sizeof peer.storage;
  Socket socket(
      ::accept4(socket_.fd(), reinterpret_cast<sockaddr*>(&peer.storage), &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (socket.ok()) {
    socket.prepare_for_link();
    owner_.accepted(std::move(socket), peer.family() == AF_UNIX ? "a peer at " + address_.text() : peer.text());
    return true;
  }
  switch (errno) {
    case EAGAIN:
      return false;
    case EMFILE:
    case ENFILE:
      pause(errno);
      turn_away_callers();
      return false;
    case ENOBUFS:
    case ENOMEM:
    case EBADF:
    case EINVAL:
      pause(errno);
      return false;
    default:  // that caller is gone already: accept hands out its error
      return true;
  }
}

// Better told at once than left in the queue without an answer.
void Listener::turn_away_callers() {
  spare_.close();
  for (int i = 0; i < kAcceptedPerTurn; i++)
    if (!Socket(::accept4(socket_.fd(), nullptr, nullptr, SOCK_CLOEXEC)).ok()) break;
  spare_ = spare_descriptor();
}

void Listener::pause() {
  watcher_.want(false, false);
  check_at_ms_ = owner_.now_ms() + kPauseMs;
  owner_.check_time_changed();
}

void Listener::pause(int error) {
  pause();
  const std::int64_t now_ms = owner_.now_ms();
  if (complained_at_ms_ > now_ms - kComplainEveryMs) return;
  complained_at_ms_ = now_ms;
  owner_.accept_failed("links at " + address_.text() +
                       " are not accepted until that works again: " + errno_text(error));
}

void Listener::check(std::int64_t now_ms) {
  if (now_ms < check_at_ms_) return;
  check_at_ms_ = kNever;
  watcher_.want(true, false);
}

}  // namespace pinnate::runtime
