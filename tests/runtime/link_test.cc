#include <doctest/doctest.h>

#include "child_process.h"
#include "folder.h"
#include "raw_peer.h"
#include "world.h"

#include <signal.h>
#include <unistd.h>

#include <fstream>
#include <string>

using namespace pinnate;
using tier::LinkId;
using wire::Class;

namespace {

std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t pages = 0, resident = 0;
  statm >> pages >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

TEST_CASE("messages go both ways over IPv4, over IPv6, to a host name, and over a UNIX socket") {
  TestFolder folder;
  for (const std::string& listen_at : {std::string("tcp://127.0.0.1:0"), std::string("tcp://[::1]:0"),
                                       std::string("tcp://localhost:0"), "unix:" + folder.path + "/socket"}) {
    CAPTURE(listen_at);
    World world;
    TestNode server(world), client(world);
    const std::string bound = server.listen(listen_at);
    server.diary.on_message = [](ScriptedTier& t, LinkId link, const Buffer& m) {
      t.send(link, "echo " + m.str(), Class::call);
    };
    client.diary.on_opened = [](ScriptedTier& t, LinkId link) {
      t.send(link, "hello");
      t.send(link, std::string(300000, 'x'), Class::bulk);
    };
    client.act([&](ScriptedTier& t) { t.dial(bound); });
    CHECK(world.run_until([&] { return client.diary.messages.size() == 3; }));
    REQUIRE(client.diary.messages.size() == 3);
    CHECK(server.diary.opened == std::vector<LinkId>{2});
    CHECK(client.diary.opened == std::vector<LinkId>{1});
    CHECK(client.diary.messages[1].second == "echo hello");
    CHECK(client.diary.messages[2].second == "echo " + std::string(300000, 'x'));
    CHECK(client.diary.drained[1] == 300000);
    CHECK(client.diary.heard > 0);
  }
}

TEST_CASE("a peer that resets in the middle of a frame closes the link, once, in words") {
  World world;
  TestNode node(world);
  const std::string bound = node.listen("tcp://127.0.0.1:0");
  RawPeer peer(bound);
  const std::string frame = RawPeer::frames_of(std::string(5000, 'y'));
  peer.send(frame.substr(0, 100));
  REQUIRE(world.run_until([&] { return node.diary.heard > 0; }));
  peer.reset();
  REQUIRE(world.run_until([&] { return !node.diary.closed.empty(); }));
  CHECK(node.diary.closed[2].code() == PINNATE_UNREACHABLE);
  CHECK(node.diary.closed[2].message().find("127.0.0.1") != std::string::npos);
  CHECK(node.diary.messages.empty());
}

TEST_CASE("what a peer sent before it closed still arrives") {
  World world;
  TestNode node(world);
  {
    RawPeer peer(node.listen("tcp://127.0.0.1:0"));
    peer.send(RawPeer::frames_of("last words"));
  }
  REQUIRE(world.run_until([&] { return !node.diary.closed.empty(); }));
  REQUIRE(node.diary.messages.size() == 1);
  CHECK(node.diary.messages[0].second == "last words");
  CHECK(node.diary.closed[2].message().find("closed") != std::string::npos);
}

TEST_CASE("a peer that breaks the protocol is closed with the words of the framing") {
  World world;
  TestNode node(world);
  RawPeer peer(node.listen("tcp://127.0.0.1:0"));
  peer.send(RawPeer::frames_of("fine") + std::string(64, '\xff'));
  REQUIRE(world.run_until([&] { return !node.diary.closed.empty(); }));
  CHECK(node.diary.closed[2].code() == PINNATE_CORRUPT);
  CHECK(node.diary.closed[2].message().find("127.0.0.1") != std::string::npos);
  REQUIRE(node.diary.messages.size() == 1);
  CHECK(node.diary.messages[0].second == "fine");
  CHECK(world.run_until([&] { return peer.receive_once().empty() && (peer.ended || peer.failed); }));
}

TEST_CASE("a peer that reads nothing is dropped at the limit, with bounded memory") {
  for (const std::string transport : {"tcp", "unix"}) {
    CAPTURE(transport);
    TestFolder folder;
    World world;
    const std::size_t limit = 2 * 1024 * 1024;
    TestNode node(world, [&](runtime::NodeParts& parts) { parts.link_limit_bytes = limit; });
    RawPeer peer(node.listen(transport == "tcp" ? "tcp://127.0.0.1:0" : "unix:" + folder.path + "/s"));
    REQUIRE(world.run_until([&] { return !node.diary.opened.empty(); }));
    const std::size_t before = resident_bytes();
    std::size_t sent = 0;
    while (node.diary.closed.empty() && sent < 64 * 1024 * 1024) {
      node.act([&](ScriptedTier& t) {
        for (int i = 0; i < 16; i++) t.send(2, std::string(16 * 1024, 'z'), Class::bulk);
      });
      sent += 16 * 16 * 1024;
      uv_run(&world.loop, UV_RUN_NOWAIT);
    }
    REQUIRE(node.diary.closed.count(2) == 1);
    CHECK(node.diary.closed[2].code() == PINNATE_BUSY);
    CHECK(sent < 16 * 1024 * 1024);  // the limit, and what the kernel's buffers took
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    CHECK(resident_bytes() < before + 4 * limit);
#else
    (void)before;
#endif
  }
}

TEST_CASE("a drop flushes what was sent, and nothing follows") {
  World world;
  TestNode node(world);
  RawPeer peer(node.listen("tcp://127.0.0.1:0"));
  REQUIRE(world.run_until([&] { return !node.diary.opened.empty(); }));
  node.act([](ScriptedTier& t) {
    t.send(2, std::string(600000, 'f'), Class::bulk);
    t.send(2, "goodbye");
    t.act(tier::Drop{2, {PINNATE_REFUSED, "enough"}});
    t.send(2, "never");
  });
  CHECK(world.run_until([&] {
    peer.pump();
    return peer.ended;
  }));
  REQUIRE(peer.messages.size() == 2);
  CHECK(peer.messages[0] == "goodbye");  // control first
  CHECK(peer.messages[1] == std::string(600000, 'f'));
  peer.socket.close();
  world.run_for(50);
  CHECK(node.diary.closed.empty());
}

TEST_CASE("the last words of a drop arrive although the peer's own were never read") {
  World world;
  TestNode node(world);
  node.diary.on_opened = [](ScriptedTier& t, LinkId link) {
    t.send(link, "refused: another fleet");
    t.act(tier::Drop{link, {PINNATE_REFUSED, "another fleet"}});
  };
  RawPeer peer(node.listen("tcp://127.0.0.1:0"));
  for (int i = 0; i < 20; i++) peer.send(RawPeer::frames_of(std::string(10000, 'u')));
  CHECK(world.run_until([&] {
    peer.pump();
    return peer.ended || peer.failed;
  }));
  CHECK_FALSE(peer.failed);
  REQUIRE(peer.messages.size() == 1);
  CHECK(peer.messages[0] == "refused: another fleet");
}

TEST_CASE("a dropped peer that neither reads nor ends is closed after a second") {
  World world;
  TestNode node(world);
  RawPeer peer(node.listen("tcp://127.0.0.1:0"));
  REQUIRE(world.run_until([&] { return !node.diary.opened.empty(); }));
  node.act([](ScriptedTier& t) { t.act(tier::Drop{2, {PINNATE_TIMEOUT, "silent"}}); });
  const std::uint64_t began = uv_hrtime();
  CHECK(world.run_until([&] {
    if (::send(peer.socket.fd(), "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) return true;  // reset: the other end is gone
    return false;
  }));
  const double seconds = double(uv_hrtime() - began) / 1e9;
  CHECK(seconds > 0.9);
  CHECK(seconds < 3);
}

TEST_CASE("small messages of one turn leave in one write") {
  World world;
  TestNode node(world);
  RawPeer peer(node.listen("tcp://127.0.0.1:0"));
  REQUIRE(world.run_until([&] { return !node.diary.opened.empty(); }));
  node.act([](ScriptedTier& t) {
    for (int i = 0; i < 100; i++) t.send(2, "message " + std::to_string(i));
  });
  std::string first;
  REQUIRE(world.run_until([&] { return !(first = peer.receive_once()).empty(); }));
  std::vector<wire::Arrived> messages;
  CHECK(peer.mux.receive(first, &messages).ok());
  CHECK(messages.size() == 100);
}

TEST_CASE("a link that floods does not keep another from being heard") {
  World world;
  TestNode node(world);
  const std::string bound = node.listen("tcp://127.0.0.1:0");
  TestNode flood(world);
  RawPeer quiet(bound);
  REQUIRE(world.run_until([&] { return node.diary.opened.size() == 1; }));
  flood.diary.on_opened = [](ScriptedTier& t, LinkId link) {
    for (int i = 0; i < 400; i++) t.send(link, std::string(16000, 'f'), Class::bulk);
  };
  flood.act([&](ScriptedTier& t) { t.dial(bound); });
  REQUIRE(world.run_until([&] { return node.diary.messages.size() > 10; }));
  quiet.send(RawPeer::frames_of("may I?"));
  bool heard = false;
  std::size_t at = 0;
  CHECK(world.run_until([&] {
    for (; at < node.diary.messages.size() && !heard; at++) heard = node.diary.messages[at].second == "may I?";
    return heard;
  }));
  CHECK(at < 200);
  CHECK(world.run_until([&] { return node.diary.messages.size() == 401; }));
}

// In a process of its own, which would die of the signal.
TEST_CASE("a peer that resets raises no SIGPIPE, with the default disposition") {
  if (!testing::in_child()) {
    CHECK(testing::passes_in_a_child());
    return;
  }
  signal(SIGPIPE, SIG_DFL);
  TestFolder folder;
  World world;
  TestNode node(world);
  int rounds = 0;
  for (const std::string& bound : {node.listen("tcp://127.0.0.1:0"), node.listen("unix:" + folder.path + "/s")}) {
    for (int i = 0; i < 20; i++, rounds++) {
      RawPeer peer(bound);
      const std::size_t opened = node.diary.opened.size();
      REQUIRE(world.run_until([&] { return node.diary.opened.size() > opened; }));
      const LinkId link = node.diary.opened.back();
      peer.reset();
      // Written before the loop learns of the reset, and again.
      node.act([&](ScriptedTier& t) { t.send(link, std::string(100000, 'p')); });
      REQUIRE(world.run_until([&] { return node.diary.closed.count(link) == 1; }));
    }
  }
  CHECK(rounds == 40);
}
