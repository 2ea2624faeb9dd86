// One attempt to open a link: name lookup, then each address in turn, within a limit of time.
#include "base/guarded.h"
#include "runtime/transport/transport.h"

#include <algorithm>
#include <cerrno>

namespace pinnate::runtime {
namespace {

constexpr std::int64_t kQueueRetryMs = 20;
constexpr std::size_t kAddressesTried = 16;

class SocketDialing : public Dialing, private Watcher::Owner {
 public:
  SocketDialing(const Transport& transport, Transport::Owner& owner, std::shared_ptr<Reactor> reactor,
                tier::LinkId link, Address address, std::int64_t now_ms, std::uint32_t limit_ms)
      : transport_(transport),
        owner_(owner),
        reactor_(std::move(reactor)),
        link_(link),
        address_(std::move(address)),
        limit_ms_(limit_ms),
        now_ms_(now_ms),
        deadline_ms_(now_ms + limit_ms),
        self_(std::make_shared<SocketDialing*>(this)) {
    check_at_ms_ = deadline_ms_;
  }
  ~SocketDialing() override { *self_ = nullptr; }

  void begin() override {
    transport_.find(reactor_, address_, [self = self_](Resolved addresses) {
      if (*self) (*self)->found(std::move(addresses));
    });
  }

  void check(std::int64_t now_ms) override {
    now_ms_ = now_ms;
    if (now_ms < check_at_ms_) return;
    if (addresses_.empty()) return fail(PINNATE_UNREACHABLE, "name lookup took longer than " + std::to_string(limit_ms_) + " ms");
    if (std::exchange(queue_was_full_, false) && now_ms < attempt_until_ms_) {
      check_at_ms_ = attempt_until_ms_;
      return connect_to_current();
    }
    attempt_failed(errno_text(ETIMEDOUT));
  }

  void cancel() override {
    check_at_ms_ = tier::kNever;
    *self_ = nullptr;
    watcher_.close();
    socket_.close();
  }

 private:
  void ready(bool, bool, bool error) noexcept override {
    const int pending = socket_.error();
    const bool settled = quietly([&] { settle(pending == 0 && error ? ECONNABORTED : pending); });
    if (!settled) watcher_.close();  // no memory: the time limit ends it
  }

  void found(Resolved addresses) {
    if (!addresses.ok()) return fail(addresses.status().code(), addresses.status().message());
    addresses_ = std::move(*addresses);
    if (addresses_.size() > kAddressesTried) addresses_.resize(kAddressesTried);
    try_next();
  }

  void try_next() {
    watcher_.close();
    socket_.close();
    if (tried_ == addresses_.size()) return fail(PINNATE_UNREACHABLE, failures_);
    // A silent address leaves time for those after it.
    const std::int64_t left_ms = std::max<std::int64_t>(deadline_ms_ - now_ms_, 0);
    attempt_until_ms_ = check_at_ms_ = now_ms_ + left_ms / static_cast<std::int64_t>(addresses_.size() - tried_);
    tried_++;
    owner_.check_wanted(check_at_ms_);
    connect_to_current();
  }

  void connect_to_current() {
    const SocketAddress& address = addresses_[tried_ - 1];
    socket_ = Socket::open(address.family());
    if (!socket_.ok()) return attempt_failed(errno_text(errno));
    transport_.prepare_for_link(socket_);
    const int error = socket_.connect(address);
    if (error == EAGAIN && address.family() == AF_UNIX) {
      queue_was_full_ = true;
      check_at_ms_ = std::min(now_ms_ + kQueueRetryMs, attempt_until_ms_);
      return owner_.check_wanted(check_at_ms_);
    }
    if (error != EINPROGRESS) return settle(error);
    if (Status status = watcher_.open(*reactor_, socket_.fd(), this); !status.ok())
      return attempt_failed(status.message());
    watcher_.want(false, true);
  }

  void settle(int error) {
    if (error == 0 && socket_.connected_to_itself()) error = ECONNREFUSED;
    if (error != 0) return attempt_failed(errno_text(error));
    watcher_.close();
    owner_.dialled(link_, transport_.stream(std::move(socket_), address_.text()));
  }

  void attempt_failed(const std::string& why) {
    if (!failures_.empty()) failures_ += "; ";
    if (addresses_.size() > 1) failures_ += addresses_[tried_ - 1].text() + ": ";
    failures_ += why;
    try_next();
  }

  void fail(Code code, const std::string& why) {
    owner_.dial_failed(link_, {code, "cannot reach " + address_.text() + ": " + why});
  }

  const Transport& transport_;
  Transport::Owner& owner_;
  std::shared_ptr<Reactor> reactor_;
  tier::LinkId link_;
  Address address_;
  const std::uint32_t limit_ms_;
  std::int64_t now_ms_, deadline_ms_, attempt_until_ms_ = 0;
  std::vector<SocketAddress> addresses_;
  std::size_t tried_ = 0;  // the current address is the one before
  bool queue_was_full_ = false;  // of a UNIX listener: try the same again
  std::string failures_;
  Socket socket_;
  Watcher watcher_;
  std::shared_ptr<SocketDialing*> self_;  // for the resolver's answer, which may come too late
};

}  // namespace

std::unique_ptr<Dialing> Transport::dial(Owner& owner, std::shared_ptr<Reactor> reactor, tier::LinkId link,
                                         Address address, std::int64_t now_ms, std::uint32_t limit_ms) const {
  return std::make_unique<SocketDialing>(*this, owner, std::move(reactor), link, std::move(address), now_ms, limit_ms);
}

}  // namespace pinnate::runtime
