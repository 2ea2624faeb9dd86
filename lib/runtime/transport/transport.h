// The interface below links. Its rooms are TCP sockets (tcp.cc) and UNIX sockets (unix.cc): each
// dials, listens and moves bytes in its own way. A room may transform the bytes, and may take its
// time before it hands a stream over. All of it lives on the loop's thread.
#pragma once

#include "base/status.h"
#include "runtime/reactor.h"
#include "runtime/transport/address.h"
#include "runtime/watcher.h"
#include "tier/tier.h"
#include "wire/mux.h"

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace pinnate::runtime {

// One connection.
class Stream {
 public:
  using Owner = Watcher::Owner;
  // Instead of a number of bytes. Later: nothing moves now, and the owner is told when it does.
  // Failed: see failure().
  static constexpr ssize_t kLater = -1, kFailed = -2;

  virtual ~Stream() = default;  // closes it
  virtual const tier::PeerFacts& peer() const = 0;

  virtual Status open(Reactor& reactor, Owner* owner) = 0;  // once
  virtual void want(bool readable, bool writable) = 0;  // what the owner is told of from now on
  // 0: the peer has ended. `descriptor` is set when one came with these bytes.
  virtual ssize_t read(std::span<char> into, wire::Descriptor* descriptor) = 0;
  // Bytes taken of `pieces`, which are not empty, but for the `skip` first bytes. They may end
  // anywhere.
  virtual ssize_t write(std::span<const wire::Piece> pieces, std::size_t skip) = 0;
  virtual bool carries_descriptors() const = 0;
  virtual std::string failure() const = 0;  // in words
  virtual void end_sending() = 0;
  virtual void close() = 0;  // at once; the owner is told nothing more
};

// What has to be called when a time (monotonic) has come, or tier::kNever.
class Timed {
 public:
  virtual ~Timed() = default;
  std::int64_t check_at_ms() const { return check_at_ms_; }
  virtual void check(std::int64_t now_ms) = 0;

 protected:
  std::int64_t check_at_ms_ = tier::kNever;
};

// One attempt to open a link.
class Dialing : public Timed {
 public:
  virtual void begin() = 0;
  virtual void cancel() = 0;  // the owner is told nothing more
};

// Accepts links at one address, until it is destroyed. Is to be checked when it is short of
// descriptors or memory.
class Listener : public Timed {
 public:
  virtual const Address& bound() const = 0;  // with the real port
};

class Transport {
 public:
  class Owner {
   public:
    // How a dialing ended, once, possibly from inside its begin or check; the owner may not destroy
    // it before those return.
    virtual void dialled(tier::LinkId link, std::unique_ptr<Stream> stream) = 0;
    virtual void dial_failed(tier::LinkId link, Status why) = 0;
    virtual void accepted(std::unique_ptr<Stream> stream) = 0;
    virtual void accept_failed(const std::string& why) = 0;  // for the log
    virtual void check_time_changed() = 0;  // somebody's check_at_ms is to be looked at again

   protected:
    ~Owner() = default;
  };
  static const Transport& of(const Address& address);

  // At most 10 s in all.
  virtual std::unique_ptr<Dialing> dial(Owner& owner, std::shared_ptr<Reactor> reactor, tier::LinkId link,
                                        Address address, std::int64_t now_ms) const = 0;
  // Addresses beyond loopback need the word `insecure`: PINNATE_REFUSED. PINNATE_IN_USE;
  // PINNATE_INVALID; PINNATE_IO. A host name is looked up here and now; its first IPv4 address
  // counts, else its first. A socket file that nobody listens at is replaced.
  virtual Result<std::unique_ptr<Listener>> listen(Owner& owner, Reactor& reactor, Address address) const = 0;

 protected:
  ~Transport() = default;
};

}  // namespace pinnate::runtime
