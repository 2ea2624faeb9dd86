// A name server on 127.0.0.1, on the test's own loop, that answers by UDP and TCP what a test says.
#pragma once

#include "discovery/dns_messages.h"
#include "discovery/polled_loop.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace pinnate::discovery {

class FakeServer {
 public:
  explicit FakeServer(PolledLoop& loop) : loop_(loop) {
    for (int tries = 0; tries < 20 && udp_ < 0; tries++) open();
    REQUIRE(udp_ >= 0);
    udp_watch_ = loop_.watch(udp_, [this](bool, bool) { datagram(); });
    udp_watch_->want(true, false);
    tcp_watch_ = loop_.watch(tcp_, [this](bool, bool) { accept_one(); });
    tcp_watch_->want(true, false);
  }
  ~FakeServer() {
    udp_watch_.reset();
    tcp_watch_.reset();
    close(udp_);
    close(tcp_);
  }

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  std::uint16_t port() const { return port_; }

  // The message for a query; "": silence. What it does not know is NXDOMAIN.
  std::function<std::string(const Query&)> script = [](const Query& query) {
    return message(query, {}, kAnswers | ns_r_nxdomain);
  };
  std::vector<Query> asked;
  std::vector<std::int64_t> asked_at_ms;

  std::size_t count(const std::string& name, int type) const {
    return static_cast<std::size_t>(
        std::count_if(asked.begin(), asked.end(), [&](const Query& q) { return q.name == name && q.type == type; }));
  }

 private:
  struct Connection {
    explicit Connection(int of) : fd(of) {}
    int fd;
    std::string got, left;
    std::unique_ptr<Watch> watch;
    ~Connection() {
      watch.reset();
      close(fd);
    }
  };

  void open() {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof to;
    const int udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int tcp = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    auto* address = reinterpret_cast<sockaddr*>(&to);
    if (bind(udp, address, size) == 0 && getsockname(udp, address, &size) == 0 && bind(tcp, address, size) == 0 &&
        listen(tcp, 8) == 0) {
      udp_ = udp, tcp_ = tcp, port_ = ntohs(to.sin_port);
      return;
    }
    close(udp);
    close(tcp);
  }

  std::string reply(const std::string& bytes, bool tcp) {
    asked.push_back(Query::of(bytes, tcp));
    asked_at_ms.push_back(loop_.monotonic_ms());
    const Query query = asked.back();
    std::string answer = script(query);
    if (answer.size() >= 2) answer.replace(0, 2, query.bytes.substr(0, 2));  // the id of a recorded one is another
    return answer;
  }

  void datagram() {
    char bytes[2048];
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const ssize_t got = recvfrom(udp_, bytes, sizeof bytes, 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (got < 12) return;
    const std::string answer = reply({bytes, static_cast<std::size_t>(got)}, false);
    if (!answer.empty()) sendto(udp_, answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
  }

  void accept_one() {
    const int fd = accept4(tcp_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    Connection& connection = *(connections_[fd] = std::make_unique<Connection>(fd));
    connection.watch = loop_.watch(fd, [this, fd](bool readable, bool) { serve(*connections_[fd], readable); });
    connection.watch->want(true, false);
  }

  void serve(Connection& connection, bool readable) {
    char bytes[2048];
    const ssize_t got = readable ? read(connection.fd, bytes, sizeof bytes) : -1;
    if (got == 0) return static_cast<void>(connections_.erase(connection.fd));
    if (got > 0) connection.got.append(bytes, static_cast<std::size_t>(got));
    while (connection.got.size() >= 2 && connection.got.size() >= 2 + two_bytes_at(connection.got, 0)) {
      const std::size_t size = two_bytes_at(connection.got, 0);
      const std::string answer = reply(connection.got.substr(2, size), true);
      connection.got.erase(0, 2 + size);
      if (!answer.empty()) connection.left += two_bytes(answer.size()) + answer;
    }
    const ssize_t sent = send(connection.fd, connection.left.data(), connection.left.size(), MSG_NOSIGNAL);
    if (sent > 0) connection.left.erase(0, static_cast<std::size_t>(sent));
    connection.watch->want(true, !connection.left.empty());
  }

  PolledLoop& loop_;
  int udp_ = -1, tcp_ = -1;
  std::uint16_t port_ = 0;
  std::unique_ptr<Watch> udp_watch_, tcp_watch_;
  std::map<int, std::unique_ptr<Connection>> connections_;
};

}  // namespace pinnate::discovery
