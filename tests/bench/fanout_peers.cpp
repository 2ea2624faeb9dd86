// Delivers one module to N receivers through a peer and reports how long it took until the last
// receiver had every byte and had verified its SHA-256.
//
//   fanout_peers PEER PORT RECEIVERS BYTES [RELAYS]
//
// PEER is one of
//   raw      a bare epoll writer, no framing: the copying limit of this machine's sockets
//   rawtree  the same through RELAYS relay processes that forward as bytes arrive
//   nats     PUB/SUB through a nats-server on PORT, 512 KiB messages
//   http     N GETs of /module from an HTTP server on PORT
//   mqtt     one QoS 0 message through an MQTT 3.1.1 broker on PORT
// or `module`, which writes the bytes to standard output, for an HTTP server to serve.
// raw and rawtree take any free ports; their PORT is not used.
//
// One receiving process holds all N connections, as it holds all engines in pinnate-bench. Prints
// one line of JSON. Compiled by compare.sh: g++ -O2 -std=c++20 fanout_peers.cpp -lcrypto
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <vector>

using Clock = std::chrono::steady_clock;

[[noreturn]] static void die(const char* what) {
  perror(what);
  _exit(1);
}

static int dial(int port) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(port);
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // All listen by now: our own, and what compare.sh has started.
  if (connect(fd, reinterpret_cast<sockaddr*>(&a), sizeof a) != 0) die("connect");
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

struct Listener {
  int fd, port;
};

static Listener listen_anywhere() {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof a;
  if (bind(fd, reinterpret_cast<sockaddr*>(&a), sizeof a) != 0 || listen(fd, 4096) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&a), &length) != 0)
    die("listen");
  return {fd, ntohs(a.sin_port)};
}

// Children tell that they are ready to begin, a byte each.
static int up[2];
static void tell_ready() {
  if (write(up[1], "r", 1) != 1) die("ready");
}

static void send_all(int fd, const void* data, size_t n) {
  auto p = static_cast<const char*>(data);
  while (n > 0) {
    ssize_t w = send(fd, p, n, MSG_NOSIGNAL);
    if (w <= 0) die("send");
    p += w;
    n -= w;
  }
}

static void nonblocking(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

static std::vector<unsigned char> make_module(size_t bytes) {
  std::vector<unsigned char> m(bytes);
  unsigned long long x = 88172645463325252ULL;
  for (auto& b : m) {
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    b = static_cast<unsigned char>(x);
  }
  return m;
}

// Writes `source` (all of it, or as it arrives from `upstream`) to `n` accepted connections.
static void serve_fanout(int listener, int n, const std::vector<unsigned char>* source, int upstream,
                         size_t total, int go) {
  std::vector<unsigned char> buffer;
  if (!source) buffer.reserve(total);
  std::vector<int> fds;
  std::vector<size_t> sent(n, 0);
  for (int i = 0; i < n; i++) {
    int fd = accept(listener, nullptr, nullptr);
    if (fd < 0) die("accept");
    nonblocking(fd);
    fds.push_back(fd);
  }
  tell_ready();
  char c;
  if (go >= 0 && read(go, &c, 1) != 1) die("go");
  int ep = epoll_create1(0);
  size_t available = source ? source->size() : 0;
  const unsigned char* base = source ? source->data() : buffer.data();
  epoll_event e{};
  for (int i = 0; i < n; i++) {
    e.events = EPOLLOUT | EPOLLET;
    e.data.u32 = i;
    epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &e);
  }
  if (upstream >= 0) {
    nonblocking(upstream);
    e.events = EPOLLIN;
    e.data.u32 = ~0u;
    epoll_ctl(ep, EPOLL_CTL_ADD, upstream, &e);
  }
  int done = 0;
  auto pump = [&](int i) {
    while (sent[i] < available) {
      ssize_t w = send(fds[i], base + sent[i], available - sent[i], MSG_NOSIGNAL);
      if (w < 0) return;
      sent[i] += w;
      if (sent[i] == total) done++;
    }
  };
  epoll_event events[256];
  while (done < n) {
    int k = epoll_wait(ep, events, 256, -1);
    for (int j = 0; j < k; j++) {
      if (events[j].data.u32 != ~0u) {
        pump(events[j].data.u32);
        continue;
      }
      size_t old = buffer.size();
      size_t want = std::min<size_t>(1 << 20, total - old);
      buffer.resize(old + want);
      ssize_t r = recv(upstream, buffer.data() + old, want, 0);
      buffer.resize(old + std::max<ssize_t>(r, 0));
      available = buffer.size();
      for (int i = 0; i < n; i++) pump(i);
      if (available == total) epoll_ctl(ep, EPOLL_CTL_DEL, upstream, nullptr);
    }
  }
  _exit(0);
}

// One receiver: strips the peer's framing and hashes what is left.
struct Receiver {
  int fd = -1;
  size_t payload = 0;      // payload bytes hashed
  size_t body = 0;         // payload bytes left in the current message
  std::string head;        // framing collected so far
  EVP_MD_CTX* sha = nullptr;
  bool ready = false, done = false;
};

enum class Peer { raw, nats, http, mqtt };

static size_t take_framing(Peer peer, Receiver& r, const unsigned char* p, size_t n, size_t total) {
  size_t i = 0;
  if (peer == Peer::raw) {
    r.body = total - r.payload;
    return 0;
  }
  while (i < n && r.body == 0) {
    r.head.push_back(static_cast<char>(p[i++]));
    if (peer == Peer::nats && r.head.back() == '\n') {
      if (r.head.rfind("MSG ", 0) == 0) r.body = strtoul(r.head.c_str() + r.head.find_last_of(' ') + 1, nullptr, 10);
      if (r.head.rfind("PONG", 0) == 0) r.ready = true;
      r.head.clear();
    } else if (peer == Peer::http && r.head.size() >= 4 && r.head.compare(r.head.size() - 4, 4, "\r\n\r\n") == 0) {
      if (r.ready) r.body = total;
      r.ready = true;  // the first was the answer to HEAD
      r.head.clear();
    } else if (peer == Peer::mqtt && r.head.size() >= 2 && !(r.head.back() & 0x80)) {
      size_t length = 0, shift = 0;
      for (size_t k = 1; k < r.head.size(); k++, shift += 7) length |= size_t(r.head[k] & 0x7f) << shift;
      unsigned char type = r.head[0] & 0xf0;
      if (type == 0x30) {  // PUBLISH: two bytes of topic length and the topic "m"
        if (n - i < 3) die("short PUBLISH header");
        i += 3;
        r.body = length - 3;
      } else {  // CONNACK, SUBACK
        if (n - i < length) die("short acknowledgement");
        i += length;
        if (type == 0x90) r.ready = true;
      }
      r.head.clear();
    }
  }
  return i;
}

int main(int argc, char** argv) {
  if (argc < 5) {
    fprintf(stderr, "usage: fanout_peers raw|rawtree|nats|http|mqtt PORT RECEIVERS BYTES [RELAYS]\n");
    return 2;
  }
  const std::string name = argv[1];
  const int port = atoi(argv[2]), n = atoi(argv[3]);
  const size_t total = strtoull(argv[4], nullptr, 10);
  const int relays = argc > 5 ? atoi(argv[5]) : 4;
  const Peer peer = name == "nats" ? Peer::nats : name == "http" ? Peer::http : name == "mqtt" ? Peer::mqtt : Peer::raw;
  rlimit lim{65536, 65536};
  setrlimit(RLIMIT_NOFILE, &lim);
  const auto module = make_module(total);
  if (name == "module") return fwrite(module.data(), 1, total, stdout) == total ? 0 : 1;
  unsigned char want[32];
  EVP_Digest(module.data(), module.size(), want, nullptr, EVP_sha256(), nullptr);

  int go[2];
  if (pipe(go) != 0 || pipe(up) != 0) die("pipe");
  std::vector<pid_t> children;
  auto spawn = [&](auto&& body) {
    pid_t pid = fork();
    if (pid == 0) {
      body();
      _exit(0);
    }
    children.push_back(pid);
  };
  std::vector<int> ports(n, port);
  if (name == "raw") {
    const Listener root = listen_anywhere();
    spawn([&] { serve_fanout(root.fd, n, &module, -1, total, go[0]); });
    close(root.fd);
    ports.assign(n, root.port);
  } else if (name == "rawtree") {
    const Listener root = listen_anywhere();
    spawn([&] { serve_fanout(root.fd, relays, &module, -1, total, go[0]); });
    close(root.fd);
    for (int k = 0; k < relays; k++) {
      int share = n / relays + (k < n % relays);
      const Listener relay = listen_anywhere();
      spawn([&] { serve_fanout(relay.fd, share, nullptr, dial(root.port), total, -1); });
      close(relay.fd);
      for (int i = k; i < n; i += relays) ports[i] = relay.port;
    }
  } else if (peer == Peer::nats || peer == Peer::mqtt) {
    spawn([&] {
      int fd = dial(port);
      char c;
      if (peer == Peer::nats) {
        char info[8192];
        if (recv(fd, info, sizeof info, 0) <= 0) die("INFO");
        const char hello[] = "CONNECT {\"verbose\":false}\r\n";
        send_all(fd, hello, sizeof hello - 1);
        tell_ready();
        if (read(go[0], &c, 1) != 1) die("go");
        const size_t chunk = 512 * 1024;
        for (size_t at = 0; at < total; at += chunk) {
          size_t len = std::min(chunk, total - at);
          std::string h = "PUB m " + std::to_string(len) + "\r\n";
          send_all(fd, h.data(), h.size());
          send_all(fd, module.data() + at, len);
          send_all(fd, "\r\n", 2);
        }
      } else {
        const unsigned char hello[] = {0x10, 13, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 0, 0, 1, 'p'};
        send_all(fd, hello, sizeof hello);
        char ack[4];
        if (recv(fd, ack, 4, MSG_WAITALL) != 4) die("CONNACK");
        tell_ready();
        if (read(go[0], &c, 1) != 1) die("go");
        std::string h(1, 0x30);
        size_t length = total + 3;
        do {
          unsigned char b = length & 0x7f;
          length >>= 7;
          h.push_back(static_cast<char>(b | (length ? 0x80 : 0)));
        } while (length);
        h += std::string("\0\1m", 3);
        send_all(fd, h.data(), h.size());
        send_all(fd, module.data(), total);
      }
      sleep(100);
    });
  }

  int ep = epoll_create1(0);
  std::vector<Receiver> rs(n);
  for (int i = 0; i < n; i++) {
    Receiver& r = rs[i];
    r.fd = dial(ports[i]);
    r.sha = EVP_MD_CTX_new();
    EVP_DigestInit_ex(r.sha, EVP_sha256(), nullptr);
    if (peer == Peer::nats) {
      const char s[] = "CONNECT {\"verbose\":false}\r\nSUB m 1\r\nPING\r\n";
      send_all(r.fd, s, sizeof s - 1);
    } else if (peer == Peer::mqtt) {
      std::string id = "r" + std::to_string(i);
      std::string s("\x10", 1);
      s.push_back(static_cast<char>(12 + id.size()));
      s += std::string("\0\4MQTT\4\2\0\0\0", 11);
      s.push_back(static_cast<char>(id.size()));
      s += id + std::string("\x82\6\0\1\0\1m\0", 8);
      send_all(r.fd, s.data(), s.size());
    } else if (peer == Peer::http) {
      const std::string s = "HEAD /module HTTP/1.1\r\nHost: x\r\n\r\n";
      send_all(r.fd, s.data(), s.size());
    } else {
      r.ready = true;
    }
    nonblocking(r.fd);
    epoll_event e{};
    e.events = EPOLLIN;
    e.data.u32 = i;
    epoll_ctl(ep, EPOLL_CTL_ADD, r.fd, &e);
  }

  std::vector<unsigned char> buf(1 << 18);
  epoll_event events[256];
  auto t0 = Clock::now();
  bool started = false;
  int done = 0, bad = 0;
  while (done < n) {
    if (!started && std::all_of(rs.begin(), rs.end(), [](const Receiver& r) { return r.ready; })) {
      for (size_t told = 0; told < children.size(); told++) {
        char c;
        if (read(up[0], &c, 1) != 1) die("ready");
      }
      t0 = Clock::now();
      started = true;
      if (peer == Peer::http) {
        for (auto& r : rs) send_all(r.fd, "GET /module HTTP/1.1\r\nHost: x\r\n\r\n", 34);
      } else if (write(go[1], "g", 1) != 1) {
        die("go");
      }
    }
    int k = epoll_wait(ep, events, 256, 20000);
    if (k == 0) {
      fprintf(stderr, "stalled: %d of %d done\n", done, n);
      bad = n - done;
      break;
    }
    for (int j = 0; j < k; j++) {
      Receiver& r = rs[events[j].data.u32];
      ssize_t got = recv(r.fd, buf.data(), buf.size(), 0);
      if (got < 0 && errno == EAGAIN) continue;
      if (got <= 0) {
        if (!r.done) bad++, done++;
        epoll_ctl(ep, EPOLL_CTL_DEL, r.fd, nullptr);
        continue;
      }
      for (size_t at = 0; at < size_t(got) && !r.done;) {
        if (r.body == 0) at += take_framing(peer, r, buf.data() + at, got - at, total);
        size_t len = std::min(r.body, got - at);
        EVP_DigestUpdate(r.sha, buf.data() + at, len);
        r.body -= len;
        r.payload += len;
        at += len;
        if (r.payload == total) {
          unsigned char have[32];
          EVP_DigestFinal_ex(r.sha, have, nullptr);
          if (memcmp(have, want, 32) != 0) bad++;
          r.done = true;
          done++;
        }
      }
    }
  }
  double s = std::chrono::duration<double>(Clock::now() - t0).count();
  for (pid_t p : children) kill(p, SIGKILL), waitpid(p, nullptr, 0);
  printf("{\"peer\":\"%s\",\"receivers\":%d,\"bytes\":%zu,\"seconds\":%.4f,\"delivered_MBps\":%.0f,\"bad\":%d}\n", name.c_str(), n,
         total, s, double(total) * n / s / 1e6, bad);
  return bad ? 1 : 0;
}
