// Addresses to listen at, among them sockets that others have opened, as systemd hands them to a
// service.
#include "runtime/transport/transport.h"

#include <fcntl.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>

namespace pinnate::runtime {
namespace {

Result<Address> address_of(const Socket& socket, const std::string& text) {
  int listens = 0;
  socklen_t length = sizeof listens;
  if (getsockopt(socket.fd(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) != 0 || listens == 0)
    return {PINNATE_INVALID, "cannot listen at " + text + ": the descriptor is no socket that listens"};
  SocketAddress name;
  if (getsockname(socket.fd(), name.room(), &name.length) != 0) return {PINNATE_IO, errno_text(errno)};
  Address address;
  if (name.family() == AF_UNIX) {
    sockaddr_un un{};
    std::memcpy(&un, &name.storage, std::min<std::size_t>(name.length, sizeof un));
    address.transport = Address::Transport::unix_socket;
    address.path.assign(un.sun_path, strnlen(un.sun_path, sizeof un.sun_path));
    return address;
  }
  if (name.family() == AF_INET || name.family() == AF_INET6) {
    const bool insecure = text.starts_with("insecure+");
    if (!name.is_loopback() && !insecure)
      return {PINNATE_REFUSED, "the socket behind " + text + " would let in anybody who reaches this machine, " +
                                   "without credentials; write insecure+" + text + " to allow it"};
    return parse_address((insecure ? "insecure+" : "") + name.text());
  }
  return {PINNATE_UNSUPPORTED, "cannot listen at " + text + ": the socket is neither of TCP nor of UNIX"};
}

}  // namespace

Result<ListenAddress> parse_listen_address(const std::string& text) {
  std::string_view rest = text;
  if (rest.starts_with("insecure+")) rest.remove_prefix(9);
  if (!rest.starts_with("fd:")) {
    Result<Address> address = parse_address(text);
    if (!address.ok()) return address.status();
    return ListenAddress{std::move(*address)};
  }
  rest.remove_prefix(3);
  int fd = -1;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), fd);
  if (error != std::errc() || end != rest.data() + rest.size() || fd < 0)
    return {PINNATE_INVALID, "the address has no number of a descriptor behind 'fd:'"};
  Socket socket(::fcntl(fd, F_DUPFD_CLOEXEC, 3));  // the host's own stays the host's
  if (!socket.ok())
    return {errno == EBADF ? PINNATE_INVALID : PINNATE_IO, "cannot listen at " + text + ": " + errno_text(errno)};
  Result<Address> address = address_of(socket, text);
  if (!address.ok()) return address.status();
  ::fcntl(socket.fd(), F_SETFL, ::fcntl(socket.fd(), F_GETFL) | O_NONBLOCK);
  return ListenAddress{std::move(*address), std::move(socket)};
}

}  // namespace pinnate::runtime
