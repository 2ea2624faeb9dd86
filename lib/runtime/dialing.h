// One attempt to open a link: name lookup, then each address in turn, within ten seconds in all.
#pragma once

#include "base/status.h"
#include "runtime/address.h"
#include "runtime/resolver.h"
#include "runtime/socket.h"
#include "runtime/watcher.h"
#include "tier/action.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace pinnate::runtime {

inline constexpr std::int64_t kConnectLimitMs = 10000;

class Dialing : private Watcher::Owner {
 public:
  // Told once how it ended, possibly from inside begin and check; the owner may not destroy the dialing before those
  // return.
  class Owner {
   public:
    virtual void dialled(tier::LinkId link, Socket socket, std::string peer) = 0;
    virtual void dial_failed(tier::LinkId link, Status why) = 0;
    virtual void check_time_changed() = 0;  // check_at_ms is to be looked at again

   protected:
    ~Owner() = default;
  };

  Dialing(Owner& owner, std::shared_ptr<Reactor> reactor, tier::LinkId link, Address address, std::int64_t now_ms);
  ~Dialing();

  void begin();
  // When `check` wants to be called (monotonic), and the call.
  std::int64_t check_at_ms() const { return check_at_ms_; }
  void check(std::int64_t now_ms);
  // Ends it without telling the owner.
  void cancel();

 private:
  void ready(bool readable, bool writable, bool error) noexcept override;
  void found(Resolved addresses);
  void try_next();
  void connect_to_current();
  void settle(int error);
  void attempt_failed(const std::string& why);
  void succeed();
  void fail(Status why);

  Owner& owner_;
  std::shared_ptr<Reactor> reactor_;
  tier::LinkId link_;
  Address address_;
  std::int64_t now_ms_, deadline_ms_, check_at_ms_, attempt_until_ms_ = 0;
  std::vector<SocketAddress> addresses_;
  std::size_t tried_ = 0;  // the current address is the one before
  bool queue_was_full_ = false;  // of a UNIX listener: try the same again
  std::string failures_;
  Socket socket_;
  Watcher watcher_;
  bool over_ = false;
  std::shared_ptr<Dialing*> self_;  // for the resolver's answer, which may come too late
};

}  // namespace pinnate::runtime
