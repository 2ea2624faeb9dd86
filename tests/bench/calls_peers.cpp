// Request-reply through a peer: calls per second and latency.
//
//   calls_peers PEER PORT PAYLOAD OUTSTANDING CALLS
//
// PEER is one of
//   tcp, unix      a bare echo over one socket: the limit of one hop
//   tcp3, unix3    the same through two bare relays: the limit of caller-gateway-gateway-engine
//   nats           request to a responder through a nats-server on PORT
//   nng            req/rep over TCP on PORT (one outstanding call)
// tcp and unix take any free address; their PORT is not used.
//
// Prints one line of JSON. Compiled by compare.sh: g++ -O2 -std=c++20 calls_peers.cpp [-lnng];
// without NNG's headers there is no nng.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#if __has_include(<nng/nng.h>)
#define WITH_NNG
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#endif
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

using Clock = std::chrono::steady_clock;
[[noreturn]] static void die(const char* what) { perror(what); _exit(1); }

struct Address { bool unix_domain; int port; };

static int make_socket(Address a, bool listening) {
  int fd = socket(a.unix_domain ? AF_UNIX : AF_INET, SOCK_STREAM, 0), one = 1;
  sockaddr_storage ss{};
  socklen_t len;
  if (a.unix_domain) {
    auto* u = reinterpret_cast<sockaddr_un*>(&ss);
    u->sun_family = AF_UNIX;
    len = offsetof(sockaddr_un, sun_path) + 1 + snprintf(u->sun_path + 1, 64, "calls-%d-%d", getuid(), a.port);
  } else {
    auto* in = reinterpret_cast<sockaddr_in*>(&ss);
    in->sin_family = AF_INET;
    in->sin_port = htons(a.port);
    in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    len = sizeof *in;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  }
  auto* sa = reinterpret_cast<sockaddr*>(&ss);
  if (listening) {
    if (bind(fd, sa, len) || listen(fd, 16)) die("listen");
    return fd;
  }
  if (connect(fd, sa, len)) die("connect");  // all listen by now: our own, and what compare.sh has started
  return fd;
}

struct Listener {
  int fd;
  Address address;
};

// UNIX sockets are told apart by our process and `place`.
static Listener listen_anywhere(bool unix_domain, int place) {
  Address address{unix_domain, unix_domain ? int(getpid()) * 4 + place : 0};
  const int fd = make_socket(address, true);
  sockaddr_in in{};
  socklen_t length = sizeof in;
  if (!unix_domain && getsockname(fd, reinterpret_cast<sockaddr*>(&in), &length) == 0) address.port = ntohs(in.sin_port);
  return {fd, address};
}

static void send_all(int fd, const char* p, size_t n) {
  while (n) {
    ssize_t w = send(fd, p, n, MSG_NOSIGNAL);
    if (w <= 0) _exit(0);
    p += w, n -= w;
  }
}

static void nodelay(int fd) { int one = 1; setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); }

// A server answers no SUB, but what comes before a PING has been done when its PONG comes.
static void subscribe(int fd, const char* subject) {
  const std::string hello = std::string("CONNECT {\"verbose\":false}\r\nSUB ") + subject + " 1\r\nPING\r\n";
  send_all(fd, hello.data(), hello.size());
  std::string came;
  char part[8192];
  while (came.find("PONG\r\n") == std::string::npos) {
    const ssize_t r = recv(fd, part, sizeof part, 0);
    if (r <= 0) die("PONG");
    came.append(part, r);
  }
}

// A child tells that it is up.
struct Ready {
  int ends[2];
  Ready() { if (pipe(ends)) die("pipe"); }
  void tell() { if (write(ends[1], "r", 1) != 1) die("ready"); }
  void await() { char c; if (read(ends[0], &c, 1) != 1) die("ready"); }
};

static void echo(int listener) {
  int fd = accept(listener, nullptr, nullptr);
  nodelay(fd);
  std::vector<char> b(1 << 16);
  for (ssize_t r; (r = recv(fd, b.data(), b.size(), 0)) > 0;) send_all(fd, b.data(), r);
  _exit(0);
}

static void relay(int listener, Address next) {
  int down = make_socket(next, false), up = accept(listener, nullptr, nullptr);
  nodelay(up);
  std::vector<char> b(1 << 16);
  pollfd p[2] = {{up, POLLIN, 0}, {down, POLLIN, 0}};
  while (poll(p, 2, -1) > 0)
    for (int i = 0; i < 2; i++)
      if (p[i].revents) {
        ssize_t r = recv(p[i].fd, b.data(), b.size(), 0);
        if (r <= 0) _exit(0);
        send_all(p[1 - i].fd, b.data(), r);
      }
}

int main(int argc, char** argv) {
  if (argc < 6) return fprintf(stderr, "usage: calls_peers tcp|unix|tcp3|unix3|nats|nng PORT PAYLOAD OUTSTANDING CALLS\n"), 2;
  const std::string peer = argv[1];
  const int port = atoi(argv[2]);
  const size_t payload = atoi(argv[3]);
  const int window = atoi(argv[4]), calls = atoi(argv[5]);
  const bool un = peer.rfind("unix", 0) == 0;
  std::vector<pid_t> children;
  Ready ready;
  auto spawn = [&](auto&& f) {
    pid_t p = fork();
    if (p == 0) { f(); _exit(0); }
    children.push_back(p);
  };
  std::vector<double> us;
  us.reserve(calls);
  const std::string body(payload, 'x');
  auto begin = Clock::now();

  if (peer == "nng") {
#ifdef WITH_NNG
    const std::string url = "tcp://127.0.0.1:" + std::to_string(port);
    spawn([&] {
      nng_socket s;
      nng_rep0_open(&s);
      if (nng_listen(s, url.c_str(), nullptr, 0)) die("nng_listen");
      ready.tell();
      for (;;) {
        nng_msg* m;
        if (nng_recvmsg(s, &m, 0)) _exit(0);
        nng_sendmsg(s, m, 0);
      }
    });
    ready.await();
    nng_socket s;
    nng_req0_open(&s);
    if (nng_dial(s, url.c_str(), nullptr, 0)) die("nng_dial");
    begin = Clock::now();
    for (int i = 0; i < calls; i++) {
      auto t = Clock::now();
      nng_msg* m;
      nng_msg_alloc(&m, 0);
      nng_msg_append(m, body.data(), payload);
      nng_sendmsg(s, m, 0);
      if (nng_recvmsg(s, &m, 0) || nng_msg_len(m) != payload) die("nng reply");
      nng_msg_free(m);
      us.push_back(std::chrono::duration<double, std::micro>(Clock::now() - t).count());
    }
#else
    return fprintf(stderr, "compiled without NNG\n"), 2;
#endif
  } else {
    int fd;
    std::string request = body;
    if (peer == "nats") {
      const std::string put = "PUB r " + std::to_string(payload) + "\r\n" + body + "\r\n";
      request = "PUB q r " + std::to_string(payload) + "\r\n" + body + "\r\n";
      spawn([&] {
        int s = make_socket({false, port}, false);
        subscribe(s, "q");
        ready.tell();
        std::string in;
        std::vector<char> b(1 << 16);
        for (ssize_t r; (r = recv(s, b.data(), b.size(), 0)) > 0;) {
          in.append(b.data(), r);
          std::string out;
          size_t at = 0;
          for (size_t eol; (eol = in.find("\r\n", at)) != std::string::npos;) {
            if (in.compare(at, 4, "MSG ") == 0) {
              if (in.size() < eol + 2 + payload + 2) break;
              out += put;
              at = eol + 2 + payload + 2;
            } else {
              at = eol + 2;
            }
          }
          in.erase(0, at);
          if (!out.empty()) send_all(s, out.data(), out.size());
        }
      });
      fd = make_socket({false, port}, false);
      subscribe(fd, "r");
      ready.await();
    } else {
      const Listener first = listen_anywhere(un, 0);
      if (peer.back() != '3') {
        spawn([&] { echo(first.fd); });
      } else {
        const Listener second = listen_anywhere(un, 1), third = listen_anywhere(un, 2);
        spawn([&] { echo(third.fd); });
        spawn([&] { relay(second.fd, third.address); });
        spawn([&] { relay(first.fd, second.address); });
        close(second.fd), close(third.fd);
      }
      close(first.fd);
      fd = make_socket(first.address, false);
    }
    std::deque<Clock::time_point> sent;
    std::string in;
    std::vector<char> b(1 << 16);
    begin = Clock::now();
    int issued = 0;
    while (int(us.size()) < calls) {
      std::string out;
      while (issued < calls && int(sent.size()) < window) out += request, sent.push_back(Clock::now()), issued++;
      if (!out.empty()) send_all(fd, out.data(), out.size());
      ssize_t r = recv(fd, b.data(), b.size(), 0);
      if (r <= 0) die("recv");
      in.append(b.data(), r);
      size_t at = 0;
      for (;;) {
        if (peer == "nats") {
          size_t eol = in.find("\r\n", at);
          if (eol == std::string::npos) break;
          if (in.compare(at, 4, "MSG ") != 0) { at = eol + 2; continue; }
          if (in.size() < eol + 2 + payload + 2) break;
          at = eol + 2 + payload + 2;
        } else {
          if (in.size() - at < payload) break;
          at += payload;
        }
        us.push_back(std::chrono::duration<double, std::micro>(Clock::now() - sent.front()).count());
        sent.pop_front();
      }
      in.erase(0, at);
    }
  }
  double s = std::chrono::duration<double>(Clock::now() - begin).count();
  for (pid_t p : children) kill(p, SIGKILL), waitpid(p, nullptr, 0);
  std::sort(us.begin(), us.end());
  printf("{\"peer\":\"%s\",\"payload\":%zu,\"outstanding\":%d,\"calls_per_s\":%.0f,\"p50_us\":%.1f,\"p99_us\":%.1f}\n", peer.c_str(),
         payload, window, calls / s, us[us.size() / 2], us[us.size() * 99 / 100]);
}
