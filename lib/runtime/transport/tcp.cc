// TCP sockets: host names, and the rule for addresses beyond loopback.
#include "runtime/transport/transport.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <cerrno>

namespace pinnate::runtime {
namespace {

// Bulk data that waits in the kernel is in the way of control and calls.
constexpr int kUnsentBytes = 32 * 1024;
// A chunk and what is around it arrive whole, and not in two parts with a round trip between them:
// the window of a new connection would be just too small.
constexpr int kReceiveWindowBytes = 128 * 1024;

Result<SocketAddress> choose(const Address& address) {
  Result<std::vector<SocketAddress>> found = look_up(address.host, address.port);
  if (!found.ok()) return {PINNATE_INVALID, "cannot listen at " + address.text() + ": " + found.status().message()};
  const auto ipv4 = std::find_if(found->begin(), found->end(), [](const auto& a) { return a.family() == AF_INET; });
  const SocketAddress& chosen = ipv4 != found->end() ? *ipv4 : found->front();
  if (chosen.is_loopback() || address.insecure) return chosen;
  return {PINNATE_REFUSED, "listening at " + address.text() +
                               " would let in anybody who reaches this machine, without credentials; " +
                               "write insecure+" + address.text() + " to allow it"};
}

class TcpTransport : public Transport {
 public:
  void find(const std::shared_ptr<Reactor>& reactor, const Address& address,
            std::function<void(Resolved)> found) const override {
    if (auto numeric = numeric_address(address.host, address.port)) return found(std::vector<SocketAddress>{*numeric});
    resolve(reactor, address.host, address.port, std::move(found));
  }

  void prepare_for_link(const Socket& socket) const override {
    const int on = 1;
    setsockopt(socket.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(socket.fd(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kUnsentBytes, sizeof kUnsentBytes);
    // Asking for this much at once makes the kernel's buffer grow for it; unlike SO_RCVBUF, it
    // leaves the kernel free to go on.
    const int once = kReceiveWindowBytes, any = 1;
    setsockopt(socket.fd(), SOL_SOCKET, SO_RCVLOWAT, &once, sizeof once);
    setsockopt(socket.fd(), SOL_SOCKET, SO_RCVLOWAT, &any, sizeof any);
  }

  Result<Socket> bind(Address* address, std::unique_ptr<SocketFile>*) const override {
    Result<SocketAddress> chosen = choose(*address);
    if (!chosen.ok()) return chosen.status();
    Socket socket = Socket::open(chosen->family());
    if (!socket.ok()) return cannot_listen(*address, errno);
    const int on = 1, off = 0;
    setsockopt(socket.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (chosen->family() == AF_INET6)
      setsockopt(socket.fd(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);  // "[::]" takes IPv4 too
    if (const int error = socket.listen(*chosen)) return cannot_listen(*address, error);
    SocketAddress bound;
    if (getsockname(socket.fd(), bound.room(), &bound.length) != 0) return cannot_listen(*address, errno);
    address->port = bound.port();
    return socket;
  }

  std::unique_ptr<Stream> stream(Socket socket, const std::string& peer) const override {
    return std::make_unique<Stream>(std::move(socket), tier::PeerFacts{peer, {}, {}, {}});
  }
};

}  // namespace

const Transport& tcp_transport() {
  static const TcpTransport transport;
  return transport;
}

}  // namespace pinnate::runtime
