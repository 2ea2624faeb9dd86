// Pieces and descriptors on real sockets.
#include <doctest/doctest.h>

#include "folder.h"
#include "noise.h"
#include "runtime/link.h"
#include "runtime/raw_peer.h"
#include "runtime/transport/transport.h"
#include "runtime/world.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>

using namespace pinnate;
using namespace pinnate::runtime;
using wire::Class;

namespace {

struct Pair {
  Pair() {
    int fds[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    a = unix_transport().stream(Socket(fds[0]), "unix:/a");
    b = unix_transport().stream(Socket(fds[1]), "unix:/b");
  }
  std::unique_ptr<Stream> a, b;
};

// A file in memory that says `words`.
wire::Descriptor file_of(const std::string& words) {
  const int fd = memfd_create("words", MFD_CLOEXEC);
  REQUIRE(::write(fd, words.data(), words.size()) == ssize_t(words.size()));
  return wire::Descriptor(new int(fd), [](const int* d) {
    ::close(*d);
    delete d;
  });
}
std::string words_in(const wire::Descriptor& descriptor) {
  if (!descriptor) return "no descriptor";
  std::string words(100, ' ');
  words.resize(std::size_t(std::max<ssize_t>(::pread(*descriptor, words.data(), words.size(), 0), 0)));
  return words;
}

std::ptrdiff_t open_descriptors() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
}

void send_with(int to, const std::string& bytes, const std::vector<int>& fds) {
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  std::vector<char> control(CMSG_SPACE(fds.size() * sizeof(int)));
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  *CMSG_FIRSTHDR(&message) = {CMSG_LEN(fds.size() * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
  std::copy(fds.begin(), fds.end(), reinterpret_cast<int*>(CMSG_DATA(CMSG_FIRSTHDR(&message))));
  REQUIRE(::sendmsg(to, &message, MSG_NOSIGNAL) == ssize_t(bytes.size()));
}

}  // namespace

TEST_CASE("descriptors arrive with the messages that they were sent with, however the bytes are cut") {
  for (std::size_t most : {1, 7, 100, 5000, 65536}) {
    CAPTURE(most);
    Pair pair;
    wire::Mux sender(8 << 20), receiver(8 << 20);
    const std::ptrdiff_t before = open_descriptors();
    std::map<std::string, std::string> expected, came;
    for (int i = 0; i < 30; i++) {
      const std::string text = std::to_string(i) + " " + noise(i % 3 == 0 ? 10 : 9000 * (i % 4 + 1), std::uint64_t(i));
      const bool with = i % 2 == 0;
      expected[text] = with ? "file " + std::to_string(i) : "no descriptor";
      REQUIRE(
          sender.send(i % 5 == 0 ? Class::control : Class::bulk, Buffer(text), with ? file_of(expected[text]) : nullptr)
              .ok());
    }
    std::vector<wire::Piece> pieces;
    std::size_t first = 0, skip = 0;
    std::vector<char> buffer(most);
    while (came.size() < expected.size()) {
      if (first == pieces.size()) {
        pieces.clear(), first = 0;
        REQUIRE(sender.take_output(100000, &pieces).ok());
      }
      if (first < pieces.size()) {
        if (const ssize_t n = pair.a->write(std::span(pieces).subspan(first), skip); n != Stream::kLater) {
          REQUIRE_MESSAGE(n > 0, pair.a->failure());
          for (skip += std::size_t(n); first < pieces.size() && skip >= pieces[first].size();)
            skip -= pieces[first++].size();
        }
      }
      wire::Descriptor descriptor;
      std::vector<wire::Arrived> arrived;
      const ssize_t n = pair.b->read(buffer, &descriptor);
      REQUIRE_MESSAGE((n > 0 || n == Stream::kLater), pair.b->failure());
      if (n > 0) {
        const Status status = receiver.receive({buffer.data(), std::size_t(n)}, &arrived, std::move(descriptor));
        REQUIRE_MESSAGE(status.ok(), status.message());
      }
      for (const auto& a : arrived) came[a.message.str()] = words_in(a.descriptor);
      arrived.clear();
      REQUIRE(sender.receive(wire::output(receiver, 1000), &arrived).ok());
    }
    CHECK((came == expected));
    pieces.clear();
    CHECK(open_descriptors() == before);
  }
}

TEST_CASE("a peer that sends descriptors nobody asked for does not fill the table of descriptors") {
  TestFolder folder;
  World world;
  TestNode node(world);
  RawPeer peer(node.listen("unix:" + folder.path + "/s"));
  REQUIRE(world.run_until([&] { return !node.diary.opened.empty(); }));
  const std::ptrdiff_t before = open_descriptors();
  const std::vector<int> many(50, 0);
  for (int i = 0; i < 20; i++) send_with(peer.socket.fd(), RawPeer::frames_of("whole"), many);
  REQUIRE(world.run_until([&] { return node.diary.messages.size() == 20; }));
  CHECK(open_descriptors() == before);
  const std::string slow = RawPeer::frames_of("a frame that comes byte by byte");
  for (char c : slow.substr(0, 30)) send_with(peer.socket.fd(), std::string(1, c), many);
  const std::size_t heard = node.diary.heard;
  REQUIRE(world.run_until([&] { return node.diary.heard > heard; }));
  world.run_for(20);
  CHECK(open_descriptors() <= before + 1);
  peer.send(slow.substr(30));
  REQUIRE(world.run_until([&] { return node.diary.messages.size() == 21; }));
  CHECK(open_descriptors() == before);
  CHECK(node.diary.closed.empty());
}

TEST_CASE("a frame that says it brings a descriptor, and brings none, ends the link in words") {
  TestFolder folder;
  World world;
  TestNode node(world);
  RawPeer peer(node.listen("unix:" + folder.path + "/s"));
  std::string frame = RawPeer::frames_of("empty-handed");
  frame[3] = 5;
  peer.send(frame);
  REQUIRE(world.run_until([&] { return !node.diary.closed.empty(); }));
  CHECK(node.diary.closed[2].message().find("descriptor") != std::string::npos);
  CHECK(node.diary.messages.empty());
}

TEST_CASE("a link on TCP refuses to carry a descriptor, and one on a UNIX socket hands it over") {
  struct Owner : Link::Owner {
    std::vector<wire::Arrived> arrived;
    void link_heard(Link&) override {}
    void link_message(Link&, wire::Arrived message) override { arrived.push_back(std::move(message)); }
    void link_writable(Link& link) override { CHECK(link.flush().ok()); }
    void link_has_output(Link& link) override { CHECK(link.flush().ok()); }
    void link_broken(Link&, Status why) override { FAIL(why.message()); }
    bool may_read() const override { return true; }
  } owner;
  World world;
  auto reactor = Reactor::attach(&world.loop);
  {
    Pair pair;
    Link a(owner, *reactor, 1, std::move(pair.a), 1 << 20), b(owner, *reactor, 2, std::move(pair.b), 1 << 20);
    REQUIRE(a.open().ok());
    REQUIRE(b.open().ok());
    CHECK(a.send(Class::bulk, Buffer("here it is"), file_of("its words")).ok());
    REQUIRE(world.run_until([&] { return owner.arrived.size() == 1; }));
    CHECK(words_in(owner.arrived[0].descriptor) == "its words");
    Link tcp(owner, *reactor, 3, tcp_transport().stream(Socket::open(AF_INET), "tcp://x:1"), 1 << 20);
    const Status refused = tcp.send(Class::bulk, Buffer("no room"), file_of("words"));
    CHECK(refused.code() == PINNATE_UNSUPPORTED);
    CHECK(refused.message().find("tcp://x:1") != std::string::npos);
  }
  reactor.reset();
}

TEST_CASE("who opened a link is known before it says anything: the address, and on UNIX sockets the user") {
  TestFolder folder;
  World world;
  TestNode node(world), dialler(world);
  const std::string path = "unix:" + folder.path + "/s";
  RawPeer local(node.listen(path));
  REQUIRE(world.run_until([&] { return node.diary.opened.size() == 1; }));
  const tier::PeerFacts& from_here = node.diary.facts[2];
  CHECK(from_here.address == path);
  CHECK(from_here.uid == getuid());
  CHECK(from_here.gid == getgid());
  CHECK(from_here.identity.empty());
  RawPeer remote(node.listen("tcp://127.0.0.1:0"));
  REQUIRE(world.run_until([&] { return node.diary.opened.size() == 2; }));
  SocketAddress own;
  own.length = sizeof own.storage;
  REQUIRE(getsockname(remote.socket.fd(), reinterpret_cast<sockaddr*>(&own.storage), &own.length) == 0);
  CHECK(node.diary.facts[4].address == own.text());
  CHECK_FALSE(node.diary.facts[4].uid.has_value());
  dialler.act([&](ScriptedTier& t) { t.dial(path); });
  REQUIRE(world.run_until([&] { return dialler.diary.opened.size() == 1; }));
  CHECK(dialler.diary.facts[1].text() == path + " (uid " + std::to_string(getuid()) + ")");
}
