// UNIX sockets: socket files left behind, who the peer is, and descriptors that travel.
#include "runtime/transport/transport.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace pinnate::runtime {
namespace {

constexpr int kSendBytes = 64 * 1024;

// Held while a socket file is tested, removed and made: between another process's bind and listen
// its file looks left behind. Lies on the folder itself, so that it leaves nothing. Best effort: a
// folder that cannot be locked is used all the same.
Socket lock_folder(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  Socket folder(::open(slash == 0 ? "/" : path.substr(0, slash).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const timespec pause{0, 5000000};
  for (int i = 0; folder.ok() && i < 40 && flock(folder.fd(), LOCK_EX | LOCK_NB) != 0; i++) nanosleep(&pause, nullptr);
  return folder;
}

Result<Socket> listen_at(const Address& address) {
  const SocketAddress name = unix_address(address.path);
  const Socket lock = lock_folder(address.path);
  Socket socket = Socket::open(AF_UNIX);
  if (!socket.ok()) return cannot_listen(address, errno);
  int error = socket.listen(name);
  if (error == EADDRINUSE) {
    struct stat facts {};
    if (lstat(address.path.c_str(), &facts) == 0 && !S_ISSOCK(facts.st_mode))
      return {PINNATE_INVALID,
              "cannot listen at " + address.text() + ": there is a file of that name that is no socket"};
    Socket probe = Socket::open(AF_UNIX);
    if (!probe.ok()) return cannot_listen(address, errno);
    error = probe.connect(name);
    if (error != ECONNREFUSED && error != ENOENT)
      return cannot_listen(address, error == EACCES || error == EPERM ? error : EADDRINUSE);
    if (::unlink(address.path.c_str()) != 0 && errno != ENOENT) return cannot_listen(address, errno);
    error = socket.listen(name);
  }
  if (error != 0) return cannot_listen(address, error);
  return socket;
}

class UnixStream : public Stream {
 public:
  using Stream::Stream;
  bool carries_descriptors() const override { return true; }

  ssize_t read(std::span<char> into, wire::Descriptor* descriptor) override {
    iovec part{into.data(), into.size()};
    alignas(cmsghdr) char rights[CMSG_SPACE(sizeof(int))];
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = rights;
    message.msg_controllen = CMSG_LEN(sizeof(int));  // the system closes all but one
    const ssize_t n = ::recvmsg(socket_.fd(), &message, MSG_CMSG_CLOEXEC);
    const cmsghdr* const header = n > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
      Socket closes_it(fd);  // also where there is no memory
      const auto kept = std::make_shared<Socket>(std::move(closes_it));
      *descriptor = wire::Descriptor(kept, &kept->fd());
    }
    return moved(n);
  }
};

class UnixTransport : public Transport {
 public:
  void find(const std::shared_ptr<Reactor>&, const Address& address,
            std::function<void(Resolved)> found) const override {
    found(std::vector<SocketAddress>{unix_address(address.path)});
  }

  void prepare_for_link(const Socket& socket) const override {
    setsockopt(socket.fd(), SOL_SOCKET, SO_SNDBUF, &kSendBytes, sizeof kSendBytes);
  }

  Result<Socket> bind(Address* address, std::unique_ptr<SocketFile>* file) const override {
    Result<Socket> socket = listen_at(*address);
    if (socket.ok()) *file = std::make_unique<SocketFile>(address->path);
    return socket;
  }

  std::unique_ptr<Stream> stream(Socket socket, const std::string& peer) const override {
    tier::PeerFacts facts{peer, {}, {}, {}};
    ucred credentials{};
    socklen_t length = sizeof credentials;
    if (getsockopt(socket.fd(), SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0) {
      facts.uid = credentials.uid;
      facts.gid = credentials.gid;
    }
    return std::make_unique<UnixStream>(std::move(socket), std::move(facts));
  }
};

}  // namespace

SocketFile::~SocketFile() {
  if (stands()) ::unlink(path_.c_str());
}

store::FileId SocketFile::there() const {
  struct stat facts {};
  if (lstat(path_.c_str(), &facts) != 0) return {};
  return {facts.st_dev, facts.st_ino};
}

const Transport& unix_transport() {
  static const UnixTransport transport;
  return transport;
}

}  // namespace pinnate::runtime
