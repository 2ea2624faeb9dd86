// The other end of a link, by hand: a blocking socket that can misbehave.
#pragma once

#include <doctest/doctest.h>

#include "runtime/transport/address.h"
#include "runtime/transport/socket.h"
#include "wire/frames.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <string>
#include <vector>

struct RawPeer {
  explicit RawPeer(const std::string& to) {
    const auto address = pinnate::runtime::parse_address(to);
    REQUIRE(address.ok());
    const auto target = address->transport == pinnate::runtime::Address::Transport::unix_socket
                            ? pinnate::runtime::unix_address(address->path)
                            : *pinnate::runtime::numeric_address(address->host, address->port);
    socket = pinnate::runtime::Socket::open(target.family());
    fcntl(socket.fd(), F_SETFL, fcntl(socket.fd(), F_GETFL) & ~O_NONBLOCK);
    REQUIRE(socket.connect(target) == 0);
  }

  static std::string frames_of(const std::string& message,
                               pinnate::wire::Class priority = pinnate::wire::Class::control) {
    pinnate::wire::Mux mux(8 * 1024 * 1024);
    REQUIRE(mux.send(priority, pinnate::Buffer(message)).ok());
    return pinnate::wire::output(mux, 4 * 1024 * 1024);
  }
  void send(const std::string& bytes) {
    REQUIRE(::send(socket.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
  }
  // What has arrived, in one piece; "" when nothing has, or the peer has ended.
  std::string receive_once(std::size_t most = 1024 * 1024) {
    std::string bytes(most, '\0');
    const ssize_t n = ::recv(socket.fd(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    ended = n == 0;
    failed = n < 0 && errno != EAGAIN;
    bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return bytes;
  }
  // False when nothing came within that time.
  bool wait_readable(int limit_ms) {
    pollfd waits{socket.fd(), POLLIN, 0};
    return ::poll(&waits, 1, limit_ms) == 1;
  }
  // Takes what is there and adds the messages it completes to `messages`.
  void pump() {
    for (;;) {
      const std::string bytes = receive_once(64 * 1024);
      if (bytes.empty()) break;
      std::vector<pinnate::wire::Arrived> arrived;
      CHECK(mux.receive(bytes, &arrived).ok());
      for (auto& m : arrived) messages.push_back(m.message.str());
      const std::string credit = pinnate::wire::output(mux, 4096);
      if (!credit.empty()) send(credit);
    }
  }
  void reset() {
    const linger hard{1, 0};
    setsockopt(socket.fd(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    socket.close();
  }

  pinnate::runtime::Socket socket;
  pinnate::wire::Mux mux{8 * 1024 * 1024};
  std::vector<std::string> messages;
  bool ended = false, failed = false;
};
