#include "runtime/transport/socket.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace pinnate::runtime {
namespace {

constexpr int kListenBacklog = 4096;

template <typename Kind>
Kind as(const SocketAddress& address) {
  Kind kind;
  std::memcpy(&kind, &address.storage, sizeof kind);
  return kind;
}

Result<std::vector<SocketAddress>> ask(const std::string& host, std::uint16_t port, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error != 0) {
    const std::string why = error == EAI_SYSTEM ? errno_text(errno) : gai_strerror(error);
    return {PINNATE_UNREACHABLE, "cannot find the host '" + host + "': " + why};
  }
  std::vector<SocketAddress> addresses;
  for (const addrinfo* a = found; a; a = a->ai_next) {
    if (a->ai_addrlen > sizeof(sockaddr_storage)) continue;
    SocketAddress address;
    std::memcpy(&address.storage, a->ai_addr, a->ai_addrlen);
    address.length = a->ai_addrlen;
    addresses.push_back(address);
  }
  freeaddrinfo(found);
  if (addresses.empty()) return {PINNATE_UNREACHABLE, "the host '" + host + "' has no address"};
  return addresses;
}

}  // namespace

std::string errno_text(int error) { return std::system_category().message(error); }

bool SocketAddress::is_loopback() const {
  if (family() == AF_INET) return ntohl(as<sockaddr_in>(*this).sin_addr.s_addr) >> 24 == 127;
  if (family() != AF_INET6) return false;
  const in6_addr ip = as<sockaddr_in6>(*this).sin6_addr;
  return IN6_IS_ADDR_LOOPBACK(&ip) || (IN6_IS_ADDR_V4MAPPED(&ip) && ip.s6_addr[12] == 127);
}

// It is in the same place of sockaddr_in and sockaddr_in6.
std::uint16_t SocketAddress::port() const { return ntohs(as<sockaddr_in>(*this).sin_port); }

std::string SocketAddress::text() const {
  char host[INET6_ADDRSTRLEN] = "?";
  const auto ipv4 = as<sockaddr_in>(*this);
  const auto ipv6 = as<sockaddr_in6>(*this);
  const void* const ip = family() == AF_INET6 ? static_cast<const void*>(&ipv6.sin6_addr) : &ipv4.sin_addr;
  inet_ntop(family(), ip, host, sizeof host);
  Address address;
  address.host = host;
  address.port = port();
  return address.text();
}

SocketAddress unix_address(const std::string& path) {
  SocketAddress address;
  sockaddr_un un{};
  un.sun_family = AF_UNIX;
  std::memcpy(un.sun_path, path.data(), std::min(path.size(), sizeof un.sun_path - 1));
  std::memcpy(&address.storage, &un, sizeof un);
  address.length = sizeof un;
  return address;
}

std::optional<SocketAddress> numeric_address(const std::string& host, std::uint16_t port) {
  const auto found = ask(host, port, AI_NUMERICHOST);
  return found.ok() ? std::optional(found->front()) : std::nullopt;
}

Result<std::vector<SocketAddress>> look_up(const std::string& host, std::uint16_t port) { return ask(host, port, 0); }

Socket Socket::open(int family) { return Socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)); }

int Socket::listen(const SocketAddress& address) {
  if (::bind(fd(), address.get(), address.length) != 0) return errno;
  return ::listen(fd(), kListenBacklog) == 0 ? 0 : errno;
}

int Socket::connect(const SocketAddress& address) {
  if (::connect(fd(), address.get(), address.length) == 0) return 0;
  return errno == EINTR ? EINPROGRESS : errno;
}

bool Socket::connected_to_itself() const {
  SocketAddress own, peer;
  if (getsockname(fd(), own.room(), &own.length) != 0 || own.family() == AF_UNIX) return false;
  if (getpeername(fd(), peer.room(), &peer.length) != 0) return false;
  return own.length == peer.length && std::memcmp(&own.storage, &peer.storage, own.length) == 0;
}

int Socket::error() {
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(fd(), SOL_SOCKET, SO_ERROR, &error, &length) != 0) return errno;
  return error;
}

}  // namespace pinnate::runtime
