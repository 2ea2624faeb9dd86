#include <doctest/doctest.h>

#include "folder.h"
#include "runtime/raw_peer.h"
#include "runtime/transport/transport.h"
#include "runtime/world.h"

#include <sys/socket.h>

using namespace pinnate;
using tier::LinkId;

namespace {

// How dialling `address` ended.
Status outcome_of(const std::string& address) {
  World world;
  TestNode node(world);
  LinkId link = 0;
  node.act([&](ScriptedTier& t) { link = t.dial(address); });
  CHECK(world.run_until([&] { return !node.diary.closed.empty(); }, 12000));
  CHECK(node.diary.opened.empty());
  return node.diary.closed[link];
}

std::string dead_port() {
  World world;
  TestNode node(world);
  return node.listen("tcp://127.0.0.1:0");
}

}  // namespace

TEST_CASE("a port that nobody listens at is reported with the address and the reason") {
  const std::string address = dead_port();
  const Status status = outcome_of(address);
  CHECK(status.code() == PINNATE_UNREACHABLE);
  CHECK(status.message().find(address) != std::string::npos);
  CHECK(status.message().find("refused") != std::string::npos);
}

TEST_CASE("a socket file that is not there is reported with its path") {
  const Status status = outcome_of("unix:/nowhere/at/all");
  CHECK(status.code() == PINNATE_UNREACHABLE);
  CHECK(status.message() == "cannot reach unix:/nowhere/at/all: No such file or directory");
}

TEST_CASE("a host that does not exist is reported by its name") {
  const Status status = outcome_of("tcp://no..such..host:7070");
  CHECK(status.code() == PINNATE_UNREACHABLE);
  CHECK(status.message().find("no..such..host") != std::string::npos);
}

TEST_CASE("an address that cannot be read is reported like one that cannot be reached") {
  CHECK(outcome_of("nonsense").code() == PINNATE_INVALID);
  CHECK(outcome_of("tls://127.0.0.1:1").code() == PINNATE_UNSUPPORTED);
}

TEST_CASE("all addresses of a name are tried in turn") {
  // localhost may be ::1 before 127.0.0.1, and only the latter listens.
  World world;
  TestNode server(world), client(world);
  std::string address = server.listen("tcp://127.0.0.1:0");
  address.replace(address.find("127.0.0.1"), 9, "localhost");
  client.act([&](ScriptedTier& t) { t.dial(address); });
  CHECK(world.run_until([&] { return client.diary.opened.size() == 1; }));
}

TEST_CASE("a peer that does not answer is given up after the time that the dial may take") {
  World world;
  auto reactor = runtime::Reactor::attach(&world.loop);
  struct Owner : runtime::Transport::Owner {
    Status why;
    void dialled(LinkId, std::unique_ptr<runtime::Stream>) override {}
    void dial_failed(LinkId, Status status) override { why = std::move(status); }
    void accepted(std::unique_ptr<runtime::Stream>) override {}
    void accept_failed(const std::string&) override {}
    void check_wanted(std::int64_t) override {}
  } owner;
  {
    // A listener whose queue is full answers no SYN.
    runtime::Socket listener = runtime::Socket::open(AF_INET);
    auto any = *runtime::numeric_address("127.0.0.1", 0);
    REQUIRE(bind(listener.fd(), any.get(), any.length) == 0);
    REQUIRE(listen(listener.fd(), 0) == 0);
    any.length = sizeof any.storage;
    getsockname(listener.fd(), reinterpret_cast<sockaddr*>(&any.storage), &any.length);
    std::vector<runtime::Socket> queued;
    for (int i = 0; i < 3; i++) {
      queued.push_back(runtime::Socket::open(AF_INET));
      queued.back().connect(any);
    }
    const auto address = *runtime::parse_address(any.text());
    const auto dialing = runtime::Transport::of(address).dial(owner, reactor, 1, address, 1000, 4000);
    dialing->begin();
    world.run_for(30);
    CHECK(dialing->check_at_ms() == 5000);
    dialing->check(4999);
    CHECK(owner.why.ok());
    dialing->check(5000);
    CHECK(owner.why.code() == PINNATE_UNREACHABLE);
    CHECK(owner.why.message().find("timed out") != std::string::npos);
  }
  reactor.reset();
}

TEST_CASE("a dial that is dropped meanwhile is not reported") {
  World world;
  TestNode server(world), node(world);
  const std::string bound = server.listen("tcp://127.0.0.1:0");
  node.act([&](ScriptedTier& t) {
    const LinkId link = t.dial(bound);
    t.act(tier::Drop{link, {PINNATE_CANCELLED, "changed my mind"}});
  });
  world.run_for(50);
  CHECK(node.diary.opened.empty());
  CHECK(node.diary.closed.empty());
}

TEST_CASE("keeping a link checks the address first") {
  World world;
  TestNode node(world);
  CHECK(node.node->keep_link(tier::Side::upstream, "tcp://host:0").code() == PINNATE_INVALID);
  CHECK(node.node->keep_link(tier::Side::upstream, "tls://host:1").code() == PINNATE_UNSUPPORTED);
  CHECK(node.diary.kept.empty());
  CHECK(node.node->keep_link(tier::Side::upstream, "unix:/nobody").ok());
  REQUIRE(node.diary.kept.size() == 1);
  CHECK(node.diary.kept[0].first == static_cast<int>(tier::Side::upstream));
}

TEST_CASE("a UNIX listener whose queue is full is tried again") {
  TestFolder folder;
  World world;
  TestNode node(world);
  const std::string path = folder.path + "/s";
  runtime::Socket listener = runtime::Socket::open(AF_UNIX);
  const auto name = runtime::unix_address(path);
  REQUIRE(bind(listener.fd(), name.get(), name.length) == 0);
  REQUIRE(listen(listener.fd(), 0) == 0);
  RawPeer first("unix:" + path);
  node.act([&](ScriptedTier& t) { t.dial("unix:" + path); });
  world.run_for(60);
  CHECK(node.diary.opened.empty());
  CHECK(node.diary.closed.empty());
  runtime::Socket(accept(listener.fd(), nullptr, nullptr)).close();
  CHECK(world.run_until([&] { return node.diary.opened.size() == 1; }));
}
