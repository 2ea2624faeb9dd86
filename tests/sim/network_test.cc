#include <doctest/doctest.h>

#include "puppet.h"

using namespace pinnate;
using namespace pinnate::sim;
using wire::Class;

namespace {

// Two puppets, linked: a's end is link 1, b's is link 2.
struct Pair {
  explicit Pair(bool through_mux = false) : world(options(through_mux)) {
    add_puppet(world, "a", &a);
    add_puppet(world, "b", &b);
    world.dial_up("a", "b");
    world.advance(20);
  }
  static WorldOptions options(bool through_mux) {
    WorldOptions o;
    o.network.through_mux = through_mux;
    return o;
  }
  void a_sends(const std::string& bytes, Class priority = Class::control) {
    act(world, "a", a, message(1, bytes, priority));
  }
  void b_sends(const std::string& bytes, Class priority = Class::control) {
    act(world, "b", b, message(2, bytes, priority));
  }

  Strings a, b;
  TestWorld world;
};

}  // namespace

TEST_CASE("a dialled connection opens at both ends and carries messages in order") {
  for (bool mux : {false, true}) {
    Pair p(mux);
    CHECK(p.a.count("opened 1") == 1);
    CHECK(p.b.count("opened 2") == 1);
    CHECK(p.world.linked("a", "b"));
    p.a_sends("one");
    p.a_sends("two");
    p.b_sends("three");
    p.world.advance(20);
    REQUIRE(p.b.told.size() >= 2);
    CHECK(p.b.told[p.b.told.size() - 2] == "got 2 one");
    CHECK(p.b.last() == "got 2 two");
    CHECK(p.a.last() == "got 1 three");
    CHECK(p.world.breaches().empty());
  }
}

TEST_CASE("dialling an address where nobody listens, or nobody runs, is refused") {
  TestWorld world(1);
  Strings a, b;
  add_puppet(world, "a", &a);
  add_puppet(world, "b", &b);
  world.dial_up("a", "nowhere");
  world.crash("b");
  world.dial_up("a", "b");
  world.advance(50);
  CHECK(a.count("closed 1: nobody listens at nowhere") == 1);
  CHECK(a.count("closed 3: connection refused by b") == 1);
}

TEST_CASE("dialling a machine without power times out") {
  TestWorld world(1);
  Strings a, b;
  add_puppet(world, "a", &a);
  add_puppet(world, "b", &b);
  world.crash("b", Machine::Crash::power_loss);
  world.dial_up("a", "b");
  world.advance(1000);
  CHECK(a.last() == "started");
  world.advance(5000);
  CHECK(a.last() == "closed 1: no answer from b");
}

TEST_CASE("bulk that has arrived is told to its sender as drained") {
  for (bool mux : {false, true}) {
    Pair p(mux);
    p.a_sends(std::string(10000, 'x'), Class::bulk);
    p.world.advance(20);
    CHECK(p.a.last() == "drained 1 10000");
  }
}

TEST_CASE("a cut loses what is in flight and tells both ends") {
  for (bool mux : {false, true}) {
    Pair p(mux);
    p.a_sends("lost");
    p.world.cut("a", "b");
    p.world.advance(20);
    CHECK(p.b.count("got 2 lost") == 0);
    CHECK(p.a.count("closed 1: connection reset by peer") == 1);
    CHECK(p.b.count("closed 2: connection reset by peer") == 1);
    CHECK(p.world.network().connections() == 0);
  }
}

TEST_CASE("a connection can be cut between any two bytes of a message") {
  for (std::uint64_t at : {0u, 1u, 7u, 8u, 500u, 1007u}) {
    Pair p(true);
    p.world.cut_after("a", "b", at);
    p.a_sends(std::string(1000, 'x'));
    p.world.advance(20);
    CHECK(p.b.count("closed 2: connection reset by peer") == 1);
    CHECK(p.b.count("got 2 " + std::string(40, 'x')) == 0);
  }
  Pair p(true);
  p.world.cut_after("a", "b", 1008);  // a frame header, 1000 bytes: the message just passes
  p.a_sends(std::string(1000, 'x'));
  p.a_sends("y");
  p.world.advance(20);
  CHECK(p.b.count("got 2 " + std::string(40, 'x')) == 1);
  CHECK(p.b.count("got 2 y") == 0);
}

TEST_CASE("after a drop the other end gets what was sent before, then the end") {
  for (bool mux : {false, true}) {
    Pair p(mux);
    p.a_sends("last words");
    act(p.world, "a", p.a, tier::Drop{1, {}});
    p.world.advance(20);
    REQUIRE(p.b.told.size() >= 2);
    CHECK(p.b.told[p.b.told.size() - 2] == "got 2 last words");
    CHECK(p.b.last() == "closed 2: the peer closed the connection");
    CHECK(p.a.count("closed 1: the peer closed the connection") == 0);
    CHECK(p.world.network().connections() == 0);
  }
}

TEST_CASE("on a half-open connection one end believes and is heard by nobody") {
  Pair p;
  p.world.half_open("a", "b");
  p.world.advance(20);
  CHECK(p.b.last() == "closed 2: connection timed out");
  const auto told = p.a.told.size();
  p.a_sends("hello?");
  p.world.advance(10000);
  CHECK(p.a.told.size() == told);
  act(p.world, "a", p.a, tier::Drop{1, {}});
  CHECK(p.world.network().connections() == 0);
}

TEST_CASE("a stall holds messages back, and in order when it ends") {
  for (bool mux : {false, true}) {
    Pair p(mux);
    p.a_sends("one");
    p.world.stall("a", "b");
    p.a_sends("two");
    p.world.advance(1000);
    CHECK(p.b.last() == "opened 2");
    p.b_sends("the other way flows");
    p.world.advance(20);
    CHECK(p.a.last() == "got 1 the other way flows");
    p.world.stall("a", "b", false);
    p.a_sends("three");
    p.world.advance(20);
    CHECK(p.b.told == std::vector<std::string>{"started", "opened 2", "got 2 one", "got 2 two", "got 2 three"});
  }
}

TEST_CASE("a partition holds everything back until it heals, and dialling across it times out") {
  Pair p;
  Strings c;
  add_puppet(p.world, "c", &c);
  p.world.partition({"b"});
  p.a_sends("one");
  p.world.dial_up("c", "b");
  p.world.advance(6000);
  CHECK(p.b.last() == "opened 2");
  CHECK(c.last() == "closed 1: no answer from b");
  CHECK_FALSE(p.world.network().reachable(p.world.at("a").id(), p.world.at("b").id()));
  p.world.heal();
  p.world.advance(20);
  CHECK(p.b.last() == "got 2 one");
}

TEST_CASE("who closes during a partition is missed only when it heals") {
  Pair p;
  p.world.partition({"b"});
  act(p.world, "a", p.a, tier::Drop{1, {}});
  p.world.advance(60000);
  CHECK(p.b.last() == "opened 2");
  p.world.heal();
  p.world.advance(20);
  CHECK(p.b.last() == "closed 2: the peer closed the connection");
}

TEST_CASE("a limited link passes control before bulk") {
  for (bool mux : {false, true}) {
    Pair p(mux);
    p.world.limit("a", "b", 1000000);
    p.a_sends(std::string(64000, 'b'), Class::bulk);
    p.a_sends(std::string(64000, 'B'), Class::bulk);
    p.a_sends("urgent");
    p.world.advance(35);  // two fragments at most: 16 ms each
    CHECK(p.b.count("got 2 urgent") == 1);
    CHECK(p.b.count("got 2 " + std::string(40, 'b')) == 0);
    p.world.advance(200);
    CHECK(p.b.count("got 2 " + std::string(40, 'B')) == 1);
  }
}

TEST_CASE("a peer that reads nothing costs bounded memory: the link is closed") {
  for (bool mux : {false, true}) {
    Pair p(mux);
    p.world.stall("a", "b");
    for (int i = 0; i < 9; ++i) p.a_sends(std::string(1000000, 'x'));
    p.world.advance(1);
    REQUIRE(!p.a.told.empty());
    CHECK(p.a.last().find("closed 1: the peer does not read") == 0);
    CHECK(p.world.breaches().empty());
  }
}

TEST_CASE("a killed process closes its links, a machine that loses power stays silent until it is back") {
  Pair p;
  p.world.crash("b");
  p.world.advance(20);
  CHECK(p.a.last() == "closed 1: the peer closed the connection");

  Pair q;
  q.world.crash("b", Machine::Crash::power_loss);
  q.world.advance(20);
  q.a_sends("hello?");
  q.world.advance(5000);
  CHECK(q.a.last() == "opened 1");
  q.world.restart("b");
  q.a_sends("hello?");
  q.world.advance(20);
  CHECK(q.a.last() == "closed 1: connection reset by peer");
  CHECK(q.b.last() == "started");
}

TEST_CASE("messages and bytes are counted by link, and each chunk by name") {
  Pair p;
  const Buffer hello = wire::encode(wire::Hello{});
  const Digest manifest = *Digest::from_hex(std::string(64, 'a'));
  wire::ChunkBytes chunk;
  chunk.manifest = manifest;
  chunk.index = 3;
  chunk.encoded = Buffer(std::string("12345"));
  p.a_sends(hello.str());
  p.a_sends(wire::encode(chunk).str(), Class::bulk);
  p.a_sends(wire::encode(chunk).str(), Class::bulk);
  p.world.advance(20);
  const MachineId a = p.world.at("a").id(), b = p.world.at("b").id();
  Traffic& traffic = p.world.traffic();
  CHECK(traffic.between(a, b).messages == 3);
  CHECK(traffic.between(a, b, 1).bytes == hello.size());
  CHECK(traffic.between(b, a).messages == 0);
  CHECK(traffic.received(b, 19).messages == 2);
  REQUIRE(traffic.crossings().size() == 1);
  CHECK(traffic.crossings().begin()->first.manifest == manifest);
  CHECK(traffic.crossings().begin()->second == 2);
}
