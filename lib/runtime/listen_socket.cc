#include "runtime/listen_socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace pinnate::runtime {
namespace {

constexpr int kBacklog = 4096;

Status failure(const Address& address, int error) {
  const std::string what = "cannot listen at " + address.text() + ": ";
  if (error == EADDRINUSE) return {PINNATE_IN_USE, what + "the address is in use by another process or handle"};
  if (error == EADDRNOTAVAIL) return {PINNATE_INVALID, what + "it is not an address of this machine"};
  if (error == ENOENT) return {PINNATE_INVALID, what + "its folder does not exist"};
  return {PINNATE_IO, what + errno_text(error)};
}

Result<SocketAddress> choose(const Address& address) {
  const auto refuse = [&](const SocketAddress& chosen) -> Result<SocketAddress> {
    if (chosen.is_loopback() || address.insecure) return chosen;
    return {PINNATE_REFUSED, "listening at " + address.text() +
                                 " would let in anybody who reaches this machine, without credentials; " +
                                 "write insecure+" + address.text() + " to allow it"};
  };
  if (auto numeric = numeric_address(address.host, address.port)) return refuse(*numeric);
  Result<std::vector<SocketAddress>> found = look_up(address.host, address.port);
  if (!found.ok()) return {PINNATE_INVALID, "cannot listen at " + address.text() + ": " + found.status().message()};
  const auto ipv4 = std::find_if(found->begin(), found->end(), [](const auto& a) { return a.family() == AF_INET; });
  return refuse(ipv4 != found->end() ? *ipv4 : found->front());
}

Result<Socket> listen_tcp(Address* address) {
  Result<SocketAddress> chosen = choose(*address);
  if (!chosen.ok()) return chosen.status();
  Socket socket = Socket::open(chosen->family());
  if (!socket.ok()) return failure(*address, errno);
  const int on = 1, off = 0;
  setsockopt(socket.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (chosen->family() == AF_INET6)
    setsockopt(socket.fd(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);  // "[::]" takes IPv4 too
  if (::bind(socket.fd(), chosen->get(), chosen->length) != 0) return failure(*address, errno);
  if (::listen(socket.fd(), kBacklog) != 0) return failure(*address, errno);
  SocketAddress bound;
  bound.length = sizeof bound.storage;
  if (getsockname(socket.fd(), reinterpret_cast<sockaddr*>(&bound.storage), &bound.length) != 0)
    return failure(*address, errno);
  address->port = bound.port();
  return socket;
}

// Held while a socket file is tested, removed and made: between another process's bind and listen its file looks left
// behind. Lies on the folder itself, so that it leaves nothing. Best effort: a folder that cannot be locked is used all
// the same.
class FolderLock {
 public:
  explicit FolderLock(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    fd_ = ::open(slash == 0 ? "/" : path.substr(0, slash).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const timespec pause{0, 5000000};
    for (int i = 0; fd_ >= 0 && i < 40 && flock(fd_, LOCK_EX | LOCK_NB) != 0; i++) nanosleep(&pause, nullptr);
  }
  ~FolderLock() {
    if (fd_ >= 0) ::close(fd_);
  }
  FolderLock(const FolderLock&) = delete;

 private:
  int fd_;
};

Result<Socket> listen_unix(const Address& address) {
  const SocketAddress name = unix_address(address.path);
  const FolderLock lock(address.path);
  Socket socket = Socket::open(AF_UNIX);
  if (!socket.ok()) return failure(address, errno);
  if (::bind(socket.fd(), name.get(), name.length) != 0) {
    if (errno != EADDRINUSE) return failure(address, errno);
    struct stat facts {};
    if (lstat(address.path.c_str(), &facts) == 0 && !S_ISSOCK(facts.st_mode))
      return {PINNATE_INVALID,
              "cannot listen at " + address.text() + ": there is a file of that name that is no socket"};
    Socket probe = Socket::open(AF_UNIX);
    if (!probe.ok()) return failure(address, errno);
    const int error = probe.connect(name);
    if (error != ECONNREFUSED && error != ENOENT)
      return failure(address, error == EACCES || error == EPERM ? error : EADDRINUSE);
    if (::unlink(address.path.c_str()) != 0 && errno != ENOENT) return failure(address, errno);
    if (::bind(socket.fd(), name.get(), name.length) != 0) return failure(address, errno);
  }
  if (::listen(socket.fd(), kBacklog) != 0) return failure(address, errno);
  return socket;
}

}  // namespace

Result<Socket> listen_at(Address* address) {
  return address->transport == Address::Transport::unix_socket ? listen_unix(*address) : listen_tcp(address);
}

}  // namespace pinnate::runtime
