// Whom sources name below a gateway: found, kept, and let go of.
#include "fleet.h"

using namespace pinnate;
using namespace pinnate::sim;

namespace {

// A gateway below the controller, and engines that dial nobody.
struct Site {
  explicit Site(int engines) {
    f.world.add_gateway("g");
    f.world.dial_up("g", "c");
    for (int i = 1; i <= engines; ++i) f.world.add_engine("e" + std::to_string(i));
  }
  void named(const std::string& source, const std::vector<std::string>& addresses) {
    f.world.at("g").set_members(source, addresses);
  }
  std::uint64_t online() { return f.status().online; }
  bool comes_to(std::uint64_t engines, std::int64_t limit_ms) {
    return f.world.run_until([&] { return online() == engines; }, limit_ms);
  }

  TestFleet f{shape(0, 0, 0)};
};

}  // namespace

TEST_CASE("whom a source names is dialled at once, also by another name for the source") {
  Site s(3);
  s.named("host", {"e1", "e2"});
  s.named("dns", {"e2", "e3"});
  CHECK(s.comes_to(3, 1000));
  s.f.release(module("f", "1"));
  CHECK(s.f.becomes("f", "1", 5000));
}

TEST_CASE("whom no source names any more keeps a link that is up") {
  Site s(2);
  s.named("host", {"e1", "e2"});
  REQUIRE(s.comes_to(2, 1000));
  s.named("host", {});
  s.f.world.advance(10 * kMinute);
  CHECK(s.online() == 2);
  s.f.release(module("f", "1"));
  CHECK(s.f.becomes("f", "1", 5000));
}

TEST_CASE("whom no source names any more is dialled for a while longer, and then never again") {
  Site s(1);
  s.named("host", {"e1"});
  REQUIRE(s.comes_to(1, 1000));
  SUBCASE("it comes back in that while") {
    s.named("host", {});
    s.f.world.crash("e1");
    s.f.world.advance(5000);
    s.f.world.restart("e1");
    CHECK(s.comes_to(1, 20000));
  }
  SUBCASE("it comes back later") {
    s.named("host", {});
    s.f.world.crash("e1");
    s.f.world.advance(2 * kMinute);
    s.f.world.restart("e1");
    CHECK_FALSE(s.comes_to(1, 10 * kMinute));
    s.named("host", {"e1"});
    CHECK(s.comes_to(1, 1000));
  }
  SUBCASE("its link dies long after it was named last") {
    s.named("host", {});
    s.f.world.advance(10 * kMinute);
    s.f.world.crash("e1");
    s.f.world.advance(2 * kMinute);
    s.f.world.restart("e1");
    CHECK_FALSE(s.comes_to(1, 10 * kMinute));
  }
  SUBCASE("another source names it still") {
    s.named("dns", {"e1"});
    s.named("host", {});
    s.f.world.crash("e1");
    s.f.world.advance(2 * kMinute);
    s.f.world.restart("e1");
    CHECK(s.comes_to(1, 2 * kMinute));
  }
}

TEST_CASE("a set replaces the one before, again and again") {
  Site s(4);
  for (int round = 0; round < 50; ++round) {
    std::vector<std::string> some;
    for (int i = 1; i <= 4; ++i)
      if ((round >> (i % 3) & 1) != 0) some.push_back("e" + std::to_string(i));
    s.named("host", some);
    s.f.world.advance(500);
  }
  s.named("host", {"e1", "e2", "e3", "e4"});
  CHECK(s.comes_to(4, 5000));
}

TEST_CASE("one engine under two addresses, or that dials in as well, is one member") {
  Site s(1);
  s.f.world.dial_up("e1", "g");
  REQUIRE(s.comes_to(1, 1000));
  s.named("host", {"e1"});
  s.f.world.advance(kMinute);
  const wire::StatusReport report = s.f.status();
  CHECK(report.online == 1);
  CHECK(report.offline == 0);
}
