#include "runtime/link.h"

#include "base/check.h"
#include "base/guarded.h"

#include <utility>

namespace pinnate::runtime {
namespace {

constexpr std::size_t kWriteBytes = 32 * 1024;  // taken from the mux at once: what is taken, control cannot overtake
constexpr std::size_t kWrittenPerTurn = 256 * 1024;
constexpr std::size_t kReadPerTurn = 256 * 1024;

}  // namespace

Link::Link(Owner& owner, Reactor& reactor, tier::LinkId id, std::unique_ptr<Stream> stream, std::size_t limit_bytes)
    : owner_(owner), reactor_(reactor), id_(id), stream_(std::move(stream)), mux_(limit_bytes) {}

Status Link::open() {
  if (Status status = stream_->open(reactor_, this); !status.ok()) return status;
  watch();
  return {};
}

Status Link::lost(const std::string& how) const {
  return {PINNATE_UNREACHABLE, "the link with " + peer().text() + " was lost: " + how};
}

Status Link::send(wire::Class priority, Buffer message, wire::Descriptor descriptor) {
  if (state_ != State::open) return {};
  if (descriptor && !stream_->carries_descriptors())
    return {PINNATE_UNSUPPORTED, "the link with " + peer().text() + " carries no descriptors"};
  Status status = mux_.send(priority, std::move(message), std::move(descriptor));
  ++sent_since_flush_;
  if (status.ok() && !output_announced_) {
    output_announced_ = true;
    owner_.link_has_output(*this);
  }
  return status;
}

Status Link::flush() {
  output_announced_ = false;
  sent_since_flush_ = 0;
  if (state_ == State::closed) return {};
  Status status = write();
  if (!status.ok()) return status;
  if (state_ == State::dropped && !full_ && !ended_sending_ && !mux_.has_output() && mux_.queued_bytes() == 0) {
    ended_sending_ = true;
    stream_->end_sending();
  }
  watch();
  return {};
}

Status Link::write() {
  full_ = false;
  std::size_t written = 0;
  for (;;) {
    if (unsent_.empty() && written < kWrittenPerTurn)
      if (Status status = mux_.take_output(kWriteBytes, &unsent_); !status.ok()) return status;
    if (unsent_.empty()) break;
    const ssize_t n = stream_->write(std::span(unsent_).subspan(first_), unsent_at_);
    if (n == Stream::kFailed) return lost(stream_->failure());
    full_ = n == Stream::kLater;
    if (full_) return {};
    if (!sent(static_cast<std::size_t>(n))) return defect();
    written += static_cast<std::size_t>(n);
  }
  unsent_ = {};  // its memory, too
  // Others first; the loop comes back as long as the stream takes more.
  if (written >= kWrittenPerTurn && mux_.has_output()) full_ = true;
  return {};
}

// False: a defect.
bool Link::sent(std::size_t bytes) {
  bytes += unsent_at_;
  while (first_ < unsent_.size() && bytes >= unsent_[first_].size()) bytes -= unsent_[first_++].size();
  unsent_at_ = bytes;
  if (first_ < unsent_.size()) return true;
  unsent_.clear();
  first_ = 0;
  return PINNATE_CHECK(unsent_at_ == 0, "a stream took more than it was given");
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
  stream_->close();
  unsent_ = {};
  first_ = unsent_at_ = 0;
}

void Link::ready(bool readable, bool writable, bool error) noexcept {
  const bool done = quietly([&] {
    if (readable || error) read(error);
    if (writable && state_ != State::closed) owner_.link_writable(*this);
  });
  if (done || state_ == State::closed) return;
  if (!quietly([this] { owner_.link_broken(*this, {PINNATE_NO_MEMORY, {}}); })) close();  // words need some, too
}

// `last`: the stream has an error, and what it received before comes first.
void Link::read(bool last) {
  const std::span<char> buffer = reactor_.receive_buffer();
  bool heard = false;
  for (std::size_t total = 0; last || total < kReadPerTurn;) {
    if (!last && state_ == State::open && !owner_.may_read()) {
      paused_ = true;
      return watch();
    }
    wire::Descriptor descriptor;
    const ssize_t n = stream_->read(buffer, &descriptor);
    if (n == 0) return owner_.link_broken(*this, lost("the peer closed it"));
    if (n < 0) {
      if (n == Stream::kFailed) return owner_.link_broken(*this, lost(stream_->failure()));
      if (last) return owner_.link_broken(*this, lost("the connection failed"));
      break;
    }
    const std::size_t received = static_cast<std::size_t>(n);
    total += received;
    if (!take({buffer.data(), received}, std::move(descriptor), &heard)) return;
    if (!last && received < buffer.size()) break;
  }
  // Credit for the peer, or credit from it, may have made something to write.
  if (mux_.has_output() && !full_ && !std::exchange(output_announced_, true)) owner_.link_has_output(*this);
}

// False when there is nothing more to read for.
bool Link::take(std::string_view bytes, wire::Descriptor descriptor, bool* heard) {
  if (ended_sending_) return true;
  std::vector<wire::Arrived> messages;
  const Status status = mux_.receive(bytes, &messages, std::move(descriptor));
  if (state_ == State::open && !std::exchange(*heard, true)) owner_.link_heard(*this);
  for (wire::Arrived& message : messages) {
    if (state_ != State::open) break;
    owner_.link_message(*this, std::move(message));
  }
  if (state_ == State::closed) return false;
  if (status.ok()) return true;
  owner_.link_broken(*this,
                     {status.code(), "the link with " + peer().text() + " broke the protocol: " + status.message()});
  return false;
}

}  // namespace pinnate::runtime
