#include "runtime/link.h"

#include <cerrno>
#include <exception>
#include <utility>
#include <vector>

namespace pinnate::runtime {
namespace {

constexpr std::size_t kWriteBytes = 32 * 1024;  // taken from the mux at once: what is taken, control cannot overtake
constexpr std::size_t kWrittenPerTurn = 256 * 1024;
constexpr std::size_t kReadPerTurn = 256 * 1024;

}  // namespace

Link::Link(Owner& owner, Reactor& reactor, tier::LinkId id, Socket socket, std::string peer, std::size_t limit_bytes)
    : owner_(owner),
      reactor_(reactor),
      id_(id),
      socket_(std::move(socket)),
      peer_(std::move(peer)),
      mux_(limit_bytes) {}

Status Link::open() {
  if (Status status = watcher_.open(reactor_, socket_.fd(), this); !status.ok()) return status;
  watch();
  return {};
}

Status Link::lost(const std::string& how) const {
  return {PINNATE_UNREACHABLE, "the link with " + peer_ + " was lost: " + how};
}

void Link::watch() { watcher_.want(!paused_, full_); }

Status Link::send(wire::Class priority, Buffer message) {
  if (state_ != State::open) return {};
  Status status = mux_.send(priority, std::move(message));
  if (status.ok() && !output_announced_) {
    output_announced_ = true;
    owner_.link_has_output(*this);
  }
  return status;
}

Status Link::flush() {
  output_announced_ = false;
  if (state_ == State::closed) return {};
  Status status = write();
  if (!status.ok()) return status;
  if (state_ == State::dropped && !full_ && !ended_sending_ && !mux_.has_output() && mux_.queued_bytes() == 0) {
    ended_sending_ = true;
    socket_.end_sending();
  }
  watch();
  return {};
}

Status Link::write() {
  full_ = false;
  std::size_t written = 0;
  for (;;) {
    if (unsent_at_ == unsent_.size()) {
      unsent_at_ = 0;
      std::string next = written < kWrittenPerTurn ? mux_.take_output(kWriteBytes) : std::string();
      unsent_.swap(next);  // and not assigned, which would keep the old one's memory
      if (unsent_.empty()) break;
    }
    const ssize_t n = socket_.send(std::string_view(unsent_).substr(unsent_at_));
    if (n < 0) {
      if (errno != EAGAIN && errno != EWOULDBLOCK) return lost(errno_text(errno));
      full_ = true;
      return {};
    }
    unsent_at_ += static_cast<std::size_t>(n);
    written += static_cast<std::size_t>(n);
  }
  // Others first; the loop comes back as long as the socket takes more.
  if (written >= kWrittenPerTurn && mux_.has_output()) full_ = true;
  return {};
}

void Link::read_on() {
  if (!std::exchange(paused_, false) || state_ == State::closed) return;
  watch();
}

void Link::drop() {
  if (state_ != State::open) return;
  state_ = State::dropped;
  if (!std::exchange(output_announced_, true)) owner_.link_has_output(*this);
  read_on();
}

void Link::close() {
  state_ = State::closed;
  watcher_.close();
  socket_.close();
  std::string().swap(unsent_);
  unsent_at_ = 0;
}

void Link::ready(bool readable, bool writable, bool error) noexcept {
  try {
    if (readable || error) read(error);
    if (writable && state_ != State::closed) owner_.link_writable(*this);
  } catch (const std::exception&) {
    if (state_ == State::closed) return;
    try {
      owner_.link_broken(*this, {PINNATE_NO_MEMORY, {}});  // the words would need some
    } catch (const std::exception&) {
      close();
    }
  }
}

// `last`: the socket has an error, and what it received before comes first.
void Link::read(bool last) {
  const std::span<char> buffer = reactor_.receive_buffer();
  bool heard = false;
  for (std::size_t total = 0; last || total < kReadPerTurn;) {
    if (!last && state_ == State::open && !owner_.may_read()) {
      paused_ = true;
      return watch();
    }
    const ssize_t n = socket_.receive(buffer);
    if (n == 0) return owner_.link_broken(*this, lost("the peer closed it"));
    if (n < 0) {
      if (errno != EAGAIN && errno != EWOULDBLOCK) return owner_.link_broken(*this, lost(errno_text(errno)));
      if (last) return owner_.link_broken(*this, lost("the connection failed"));
      break;
    }
    const std::size_t received = static_cast<std::size_t>(n);
    total += received;
    if (!take({buffer.data(), received}, &heard)) return;
    if (!last && received < buffer.size()) break;
  }
  // Credit for the peer, or credit from it, may have made something to write.
  if (mux_.has_output() && !full_ && !std::exchange(output_announced_, true)) owner_.link_has_output(*this);
}

// False when there is nothing more to read for.
bool Link::take(std::string_view bytes, bool* heard) {
  if (ended_sending_) return true;
  std::vector<Buffer> messages;
  const Status status = mux_.receive(bytes, &messages);
  if (state_ == State::open && !std::exchange(*heard, true)) owner_.link_heard(*this);
  for (Buffer& message : messages) {
    if (state_ != State::open) break;
    owner_.link_message(*this, std::move(message));
  }
  if (state_ == State::closed) return false;
  if (status.ok()) return true;
  owner_.link_broken(*this, {status.code(), "the link with " + peer_ + " broke the protocol: " + status.message()});
  return false;
}

}  // namespace pinnate::runtime
