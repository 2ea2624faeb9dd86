#include "runtime/dialing.h"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <utility>

namespace pinnate::runtime {
namespace {

constexpr std::int64_t kQueueRetryMs = 20;
constexpr std::size_t kAddressesTried = 16;

}  // namespace

Dialing::Dialing(Owner& owner, std::shared_ptr<Reactor> reactor, tier::LinkId link, Address address,
                 std::int64_t now_ms)
    : owner_(owner),
      reactor_(std::move(reactor)),
      link_(link),
      address_(std::move(address)),
      now_ms_(now_ms),
      deadline_ms_(now_ms + kConnectLimitMs),
      check_at_ms_(deadline_ms_),
      self_(std::make_shared<Dialing*>(this)) {}

Dialing::~Dialing() { *self_ = nullptr; }

void Dialing::cancel() {
  over_ = true;
  *self_ = nullptr;
  watcher_.close();
  socket_.close();
}

void Dialing::begin() {
  if (address_.transport == Address::Transport::unix_socket)
    return found(std::vector<SocketAddress>{unix_address(address_.path)});
  if (auto numeric = numeric_address(address_.host, address_.port)) return found(std::vector<SocketAddress>{*numeric});
  resolve(reactor_, address_.host, address_.port, [self = self_](Resolved addresses) {
    if (*self) (*self)->found(std::move(addresses));
  });
}

void Dialing::found(Resolved addresses) {
  if (!addresses.ok())
    return fail({addresses.status().code(), "cannot reach " + address_.text() + ": " + addresses.status().message()});
  addresses_ = std::move(*addresses);
  if (addresses_.size() > kAddressesTried) addresses_.resize(kAddressesTried);
  try_next();
}

void Dialing::try_next() {
  watcher_.close();
  socket_.close();
  if (tried_ == addresses_.size())
    return fail({PINNATE_UNREACHABLE, "cannot reach " + address_.text() + ": " + failures_});
  // A silent address leaves time for those after it.
  const std::int64_t left_ms = std::max<std::int64_t>(deadline_ms_ - now_ms_, 0);
  attempt_until_ms_ = check_at_ms_ = now_ms_ + left_ms / static_cast<std::int64_t>(addresses_.size() - tried_);
  tried_++;
  owner_.check_time_changed();
  connect_to_current();
}

void Dialing::connect_to_current() {
  const SocketAddress& address = addresses_[tried_ - 1];
  socket_ = Socket::open(address.family());
  if (!socket_.ok()) return attempt_failed(errno_text(errno));
  socket_.prepare_for_link();
  const int error = socket_.connect(address);
  if (error == EAGAIN && address_.transport == Address::Transport::unix_socket) {
    queue_was_full_ = true;
    check_at_ms_ = std::min(now_ms_ + kQueueRetryMs, attempt_until_ms_);
    return;
  }
  if (error != EINPROGRESS) return settle(error);
  if (Status status = watcher_.open(*reactor_, socket_.fd(), this); !status.ok())
    return attempt_failed(status.message());
  watcher_.want(false, true);
}

void Dialing::settle(int error) {
  if (error != 0) return attempt_failed(errno_text(error));
  if (socket_.connected_to_itself()) return attempt_failed(errno_text(ECONNREFUSED));
  succeed();
}

void Dialing::attempt_failed(const std::string& why) {
  if (!failures_.empty()) failures_ += "; ";
  if (addresses_.size() > 1) failures_ += addresses_[tried_ - 1].text() + ": ";
  failures_ += why;
  try_next();
}

void Dialing::succeed() {
  over_ = true;
  watcher_.close();
  owner_.dialled(link_, std::move(socket_), address_.text());
}

void Dialing::fail(Status why) {
  over_ = true;
  owner_.dial_failed(link_, std::move(why));
}

void Dialing::ready(bool, bool, bool error) noexcept {
  try {
    const int pending = socket_.error();
    settle(pending == 0 && error ? ECONNABORTED : pending);
  } catch (const std::exception&) {  // no memory: the time limit ends it
    watcher_.close();
  }
}

void Dialing::check(std::int64_t now_ms) {
  now_ms_ = now_ms;
  if (over_ || now_ms < check_at_ms_) return;
  if (addresses_.empty())
    return fail({PINNATE_UNREACHABLE, "cannot reach " + address_.text() + ": name lookup took longer than 10 s"});
  if (std::exchange(queue_was_full_, false) && now_ms < attempt_until_ms_) {
    check_at_ms_ = attempt_until_ms_;
    return connect_to_current();
  }
  attempt_failed(errno_text(ETIMEDOUT));
}

}  // namespace pinnate::runtime
