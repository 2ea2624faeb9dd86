// An HTTP server for sources under test, on the loop that they run on: on 127.0.0.1 or a UNIX
// socket. A test writes the bytes of each answer, whole or in pieces, and cuts where it likes.
#pragma once

#include "discovery/polled_loop.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pinnate::discovery {

class HttpServerUnderTest {
 public:
  class Visit {  // one connection
   public:
    ~Visit() { close(); }

    std::string request;  // the last one, with its headers
    bool open() const { return fd_ >= 0; }

    void send(std::string_view bytes) {
      const int on = 1;
      setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      waiting_ += bytes;
      flush();
    }
    void close() {
      watch_.reset();
      if (fd_ >= 0) ::close(fd_);
      fd_ = -1;
    }
    void close_when_sent() {
      closing_ = true;
      flush();
    }
    // Between the request's line and its headers.
    std::string target() const {
      const std::size_t begin = request.find(' ') + 1;
      return request.substr(begin, request.find(' ', begin) - begin);
    }
    std::string header(const std::string& name) const {
      const std::size_t at = request.find("\r\n" + name + ": ");
      if (at == std::string::npos) return "";
      const std::size_t begin = at + name.size() + 4;
      return request.substr(begin, request.find("\r\n", begin) - begin);
    }

   private:
    friend class HttpServerUnderTest;

    void ready(bool readable, bool) {
      if (readable && !receive()) return;
      flush();
    }
    bool receive() {
      char bytes[4096];
      const ssize_t got = ::recv(fd_, bytes, sizeof bytes, 0);
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
      if (got <= 0) return close(), false;
      received_.append(bytes, static_cast<std::size_t>(got));
      const std::size_t end = received_.find("\r\n\r\n");
      if (end == std::string::npos) return true;
      request = received_.substr(0, end + 2);
      received_.erase(0, end + 4);
      server_->requests.push_back(request);
      server_->answer_(*this);
      return open();
    }
    void flush() {
      while (open() && !waiting_.empty()) {
        const ssize_t sent = ::send(fd_, waiting_.data(), waiting_.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) return close();
        if (sent < 0) break;
        waiting_.erase(0, static_cast<std::size_t>(sent));
      }
      if (!open()) return;
      if (waiting_.empty() && closing_) return close();
      watch_->want(true, !waiting_.empty());
    }

    HttpServerUnderTest* server_ = nullptr;
    int fd_ = -1;
    bool closing_ = false;
    std::string received_, waiting_;
    std::unique_ptr<Watch> watch_;
  };

  using Answer = std::function<void(Visit&)>;

  explicit HttpServerUnderTest(PolledLoop& loop, const std::string& unix_path = "") : loop_(loop), path_(unix_path) {
    listen();
  }
  ~HttpServerUnderTest() { stop(); }

  void on_request(Answer answer) { answer_ = std::move(answer); }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::vector<std::string> requests;

  // Whom it serves now, oldest first.
  std::vector<Visit*> visits() const {
    std::vector<Visit*> open;
    for (const auto& visit : visits_)
      if (visit->open()) open.push_back(visit.get());
    return open;
  }
  // As a server that was killed; listen() starts it again at the same place.
  void stop() {
    visits_.clear();
    watch_.reset();
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  void listen() {
    sockaddr_storage storage{};
    socklen_t size = sizeof(sockaddr_in);
    if (path_.empty()) {
      auto* address = reinterpret_cast<sockaddr_in*>(&storage);
      address->sin_family = AF_INET;
      address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      address->sin_port = htons(port_);
    } else {
      auto* address = reinterpret_cast<sockaddr_un*>(&storage);
      address->sun_family = AF_UNIX;
      std::strncpy(address->sun_path, path_.c_str(), sizeof address->sun_path - 1);
      size = sizeof(sockaddr_un);
    }
    fd_ = ::socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    REQUIRE(::bind(fd_, reinterpret_cast<sockaddr*>(&storage), size) == 0);
    REQUIRE(::listen(fd_, 64) == 0);
    if (path_.empty()) {
      sockaddr_in bound{};
      socklen_t bound_size = sizeof bound;
      getsockname(fd_, reinterpret_cast<sockaddr*>(&bound), &bound_size);
      port_ = ntohs(bound.sin_port);
    }
    watch_ = loop_.watch(fd_, [this](bool, bool) { accept(); });
    watch_->want(true, false);
  }

 private:
  void accept() {
    const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    visits_.push_back(std::make_unique<Visit>());
    Visit* visit = visits_.back().get();
    visit->server_ = this;
    visit->fd_ = fd;
    visit->watch_ = loop_.watch(fd, [visit](bool readable, bool writable) { visit->ready(readable, writable); });
    visit->watch_->want(true, false);
  }

  PolledLoop& loop_;
  const std::string path_;
  std::uint16_t port_ = 0;
  int fd_ = -1;
  Answer answer_ = [](Visit&) {};
  std::unique_ptr<Watch> watch_;
  std::vector<std::unique_ptr<Visit>> visits_;
};

// An answer with a body of known length, and one in chunks that goes on until it is ended.
inline std::string whole_answer(const std::string& status, const std::string& body, const std::string& headers = "") {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + headers + "\r\n" + body;
}
inline std::string begin_of_stream() {
  return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
}
inline std::string chunk(const std::string& bytes) {
  char size[32];
  std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  return size + bytes + "\r\n";
}
inline std::string end_of_stream() { return "0\r\n\r\n"; }

}  // namespace pinnate::discovery
