// Accepts links at one address.
#pragma once

#include "base/status.h"
#include "runtime/address.h"
#include "runtime/socket.h"
#include "runtime/watcher.h"

#include <cstdint>
#include <limits>
#include <memory>
#include <string>

namespace pinnate::runtime {

class Listener : private Watcher::Owner {
 public:
  class Owner {
   public:
    virtual void accepted(Socket socket, std::string peer) = 0;
    // For the log.
    virtual void accept_failed(const std::string& why) = 0;
    virtual void check_time_changed() = 0;  // check_at_ms is to be looked at again
    virtual std::int64_t now_ms() const = 0;

   protected:
    ~Owner() = default;
  };

  // Addresses beyond loopback need the word `insecure`: PINNATE_REFUSED. PINNATE_IN_USE; PINNATE_INVALID; PINNATE_IO. A
  // host name is looked up here and now; its first IPv4 address counts, else its first. A socket file that nobody
  // listens at is replaced.
  static Result<std::unique_ptr<Listener>> open(Owner& owner, Reactor& reactor, Address address);
  ~Listener();  // removes the socket file

  const Address& bound() const { return address_; }  // with the real port

  // When the listener, short of descriptors or memory, wants to be called to try again; no time when it does not.
  std::int64_t check_at_ms() const { return check_at_ms_; }
  void check(std::int64_t now_ms);

 private:
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  Listener(Owner& owner, Address address, Socket socket);
  void ready(bool readable, bool writable, bool error) noexcept override;
  bool accept_one();
  void turn_away_callers();
  void pause();
  void pause(int error);

  Owner& owner_;
  Address address_;
  Socket socket_;
  Socket spare_;  // given up when there is no other descriptor, so that a caller is turned away, not left to wait
  Watcher watcher_;
  std::int64_t check_at_ms_ = kNever, complained_at_ms_ = std::numeric_limits<std::int64_t>::min();
  std::uint64_t file_device_ = 0, file_number_ = 0;  // of the socket file
};

}  // namespace pinnate::runtime
