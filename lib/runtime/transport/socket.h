// Stream sockets, TCP and UNIX: non-blocking and closed on exec.
#pragma once

#include "base/status.h"
#include "runtime/transport/address.h"
#include "store/files.h"

#include <sys/socket.h>

#include <optional>
#include <string>
#include <vector>

namespace pinnate::runtime {

// An address as the system takes it.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;  // until it is filled in: what fits

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* room() { return reinterpret_cast<sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
  // Of TCP addresses alone.
  bool is_loopback() const;
  std::uint16_t port() const;
  std::string text() const;  // "tcp://127.0.0.1:7070"
};
SocketAddress unix_address(const std::string& path);
// Nothing when `host` is a name.
std::optional<SocketAddress> numeric_address(const std::string& host, std::uint16_t port);
// Asks the system's resolver: blocks, for many seconds when name servers are away. Never empty when
// it succeeds.
Result<std::vector<SocketAddress>> look_up(const std::string& host, std::uint16_t port);

std::string errno_text(int error);  // "Connection refused"

class Socket : public store::Descriptor {
 public:
  using Descriptor::Descriptor;
  static Socket open(int family);  // not ok() when it fails, with errno

  int listen(const SocketAddress& address);  // 0, or why not
  // 0 connected; EINPROGRESS: it is once writable and error() is 0; else why not.
  int connect(const SocketAddress& address);
  // A dialled port of this machine that nobody listens at can be the very one the kernel chose for
  // the caller.
  bool connected_to_itself() const;
  int error();  // the pending error, cleared; 0 for none
};

}  // namespace pinnate::runtime
