// Whom sources name below a gateway: found, kept, and let go of.
#include "fleet.h"
#include "world/message_type.h"

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
  // The whole set of a source; none: it is there no more.
  void named(const std::string& source, const std::vector<std::string>& addresses) {
    if (addresses.empty()) return f.world.at("g").name_members(source, std::nullopt);
    says(source, Naming::Answer::whole, addresses);
  }
  void says(const std::string& source, Naming::Answer answer, const std::vector<std::string>& addresses,
            const std::string& why = {}, const std::vector<std::string>& terminating = {}) {
    f.world.at("g").name_members(source, Naming{answer, addresses, terminating, why});
  }
  std::string stale() {
    for (const std::string& notice : f.status().notices)
      if (notice.find("stale") != std::string::npos) return notice;
    return "";
  }
  wire::Tiers members(const std::string& cursor = {}, std::uint32_t limit = 100, const std::string& to = "g",
                      const std::string& at = {}) {
    wire::Lookup lookup;
    lookup.members = true;
    lookup.cursor = cursor;
    lookup.limit = limit;
    lookup.at = at;
    return f.world.ask<wire::Tiers>(to, lookup);
  }
  wire::TierRow member(const std::string& address) {
    for (const wire::TierRow& row : members().rows)
      if (row.address == address) return row;
    return {};
  }
  wire::TierRow source(const std::string& name) {
    for (const wire::TierRow& row : members().rows)
      if (row.address.empty() && row.sources == std::vector{name}) return row;
    return {};
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

TEST_CASE("a source that has never named anybody says why, and is not stale") {
  Site s(1);
  s.says("dns", Naming::Answer::whole, {}, "there is no such name");
  CHECK(s.source("dns").member == wire::MemberState::good);
  CHECK(s.source("dns").notice == "there is no such name");
  CHECK(s.stale() == "");
  s.named("dns", {"e1"});
  CHECK(s.source("dns").notice == "");
  CHECK(s.comes_to(1, 1000));
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
  SUBCASE("somebody is there, and gets the name, when it has been dialled in vain for a while") {
    s.named("host", {});
    s.f.world.crash("e1");
    s.f.world.advance(25000);
    s.f.world.restart("e1");
    s.named("host", {"e1"});
    CHECK(s.comes_to(1, 1000));
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

TEST_CASE("a source that fails, is cut short or names nobody takes nobody away, and says so") {
  Site s(3);
  s.named("dns", {"e1", "e2", "e3"});
  REQUIRE(s.comes_to(3, 1000));
  SUBCASE("it fails") {
    s.says("dns", Naming::Answer::failed, {}, "no server answers");
    s.f.world.advance(1000);
    CHECK(s.stale() == "'g': source 'dns' is stale since 2026-01-01T00:00:00Z: no server answers; the 3 members that it "
                       "named last are kept");
  }
  SUBCASE("it is incomplete") {
    s.says("dns", Naming::Answer::incomplete, {"e1"}, "the answer is cut");
    s.f.world.advance(1000);
    CHECK(s.stale().find("the answer is cut; the 3 members that it named last are kept") != std::string::npos);
  }
  SUBCASE("it names nobody") {
    s.says("dns", Naming::Answer::whole, {}, "no such name");
    s.f.world.advance(1000);
    CHECK(s.stale().find("no such name; the 3 members that it named last are kept") != std::string::npos);
  }
  // All of them go for longer than a member that nobody names is dialled, and come back.
  for (const char* engine : {"e1", "e2"}) s.f.world.crash(engine);
  s.f.world.advance(2 * kMinute);
  for (const char* engine : {"e1", "e2"}) s.f.world.restart(engine);
  CHECK(s.comes_to(3, kMinute));
  s.named("dns", {"e1", "e2", "e3"});
  s.f.world.advance(1000);
  CHECK(s.stale() == "");
}

TEST_CASE("an empty set is believed once nobody of it is linked") {
  Site s(2);
  s.named("dns", {"e1", "e2"});
  REQUIRE(s.comes_to(2, 1000));
  s.says("dns", Naming::Answer::whole, {});
  s.f.world.advance(10 * kMinute);
  CHECK(s.stale() != "");
  s.f.world.crash("e1");
  s.f.world.crash("e2");
  s.f.world.advance(2 * kMinute);
  CHECK(s.stale() == "");
  s.f.world.restart("e1");
  CHECK_FALSE(s.comes_to(1, 10 * kMinute));
}

TEST_CASE("an incomplete set adds whom it names") {
  Site s(2);
  s.named("dns", {"e1"});
  s.says("dns", Naming::Answer::incomplete, {"e2"});
  CHECK(s.comes_to(2, 1000));
}

TEST_CASE("a gateway that restarts while its sources are away dials whom it knew") {
  Site s(2);
  s.named("dns", {"e1", "e2"});
  REQUIRE(s.comes_to(2, 1000));
  s.f.world.advance(5000);
  s.f.world.crash("g");
  s.f.world.advance(1000);
  s.f.world.restart("g");
  SUBCASE("the source is there again, and can say nothing") {
    s.says("dns", Naming::Answer::failed, {});
    CHECK(s.comes_to(2, 10000));
    CHECK(s.stale() == "");  // it may say something any moment
    CHECK(s.source("dns").member == wire::MemberState::stale);
    CHECK(s.source("dns").notice == "it has said nothing since the restart");
    s.f.world.crash("e1");
    s.f.world.advance(2 * kMinute);
    s.f.world.restart("e1");
    CHECK(s.comes_to(2, kMinute));
    s.says("dns", Naming::Answer::whole, {"e1", "e2"});
    s.f.world.advance(1000);
    CHECK(s.stale() == "");
  }
  SUBCASE("the source is there no more") {
    CHECK(s.comes_to(2, 10000));
    s.f.world.advance(2 * kMinute);
    CHECK(s.online() == 2);
    CHECK(s.stale() == "");
    s.f.world.crash("e1");
    s.f.world.advance(2 * kMinute);
    s.f.world.restart("e1");
    CHECK_FALSE(s.comes_to(2, 10 * kMinute));
  }
}

TEST_CASE("a member that ends gets no new call, is not dialled, and may come back") {
  Site s(2);
  s.f.release(module("f", "1"));
  s.named("api", {"e1", "e2"});
  REQUIRE(s.f.becomes("f", "1", 5000));
  s.f.world.advance(1000);
  const auto calls_reach = [&](const std::string& engine) {
    bool answers = false;
    s.f.world.alter_sent = [&](MachineId id, Buffer* message) {
      answers |= s.f.world.at(id).name() == engine && message_type(message->view()) == 35;  // Returned
    };
    for (int i = 0; i < 40; ++i) {
      wire::Call call;
      call.function = "f";
      CHECK(s.f.world.ask<wire::Returned>("g", call).code == PINNATE_OK);
    }
    s.f.world.alter_sent = nullptr;
    return answers;
  };
  CHECK(calls_reach("e1"));
  s.says("api", Naming::Answer::whole, {"e1", "e2"}, "", {"e1"});
  CHECK_FALSE(calls_reach("e1"));
  CHECK(s.member("e1").terminating);
  wire::Call named;
  named.function = "f";
  named.engine = "e1";
  CHECK(s.f.world.ask<wire::Returned>("g", named).reason == "engine 'e1' is about to end and takes no new call");
  s.says("api", Naming::Answer::whole, {"e2"});  // it is gone from there, and not yet dead
  CHECK_FALSE(calls_reach("e1"));
  s.f.world.crash("e1");
  s.f.world.advance(1000);
  s.f.world.restart("e1");
  CHECK_FALSE(s.comes_to(2, 10000));
  s.says("api", Naming::Answer::whole, {"e1", "e2"});  // another engine, at an address that was used before
  CHECK(s.comes_to(2, 1000));
  s.f.world.advance(1000);
  CHECK(calls_reach("e1"));
}

TEST_CASE("members are listed with who names them and how they stand, in pages") {
  Site s(3);
  s.f.world.dial_up("e3", "g");
  s.named("dns", {"e1", "e2", "nobody"});
  s.named("file", {"e2"});
  s.says("api", Naming::Answer::failed, {}, "no answer");
  REQUIRE(s.comes_to(3, 1000));
  s.f.world.advance(2000);
  const wire::Tiers all = s.members();
  REQUIRE(all.rows.size() == 7);
  CHECK(all.next.empty());
  CHECK(all.rows[0].member == wire::MemberState::stale);
  CHECK(all.rows[0].sources == std::vector<std::string>{"api"});
  CHECK(all.rows[0].notice == "no answer");
  CHECK(all.rows[1].member == wire::MemberState::good);
  CHECK(all.rows[1].known_engines == 3);
  CHECK(s.member("e1").member == wire::MemberState::linked);
  CHECK(s.member("e1").id == "e1");
  CHECK(s.member("e2").sources == std::vector<std::string>{"dns", "file"});
  CHECK(s.member("nobody").member == wire::MemberState::waiting);
  CHECK(s.member("nobody").notice != "");
  CHECK(all.rows.back().sources == std::vector<std::string>{"registration"});
  CHECK(all.rows.back().id == "e3");

  // One to a page, from the controller down.
  std::vector<std::string> seen;
  std::string cursor;
  do {
    const wire::Tiers page = s.members(cursor, 1, "c", "g");
    REQUIRE(page.code == PINNATE_OK);
    for (const wire::TierRow& row : page.rows) {
      CHECK(row.path == "g");
      seen.push_back(row.address.empty() ? row.sources[0] : row.address);
    }
    cursor = page.next;
    REQUIRE(seen.size() < 20);
  } while (!cursor.empty());
  CHECK(seen == std::vector<std::string>{"api", "dns", "file", "e1", "e2", "nobody", all.rows.back().address});
}

TEST_CASE("of thousands of silent addresses the living ones among them come first") {
  Site s(3020);
  std::vector<std::string> addresses;
  for (int i = 1; i <= 3020; ++i) addresses.push_back("e" + std::to_string(i));
  for (int i = 21; i <= 3020; ++i) s.f.world.crash(addresses[i - 1], Machine::Crash::power_loss);
  s.named("dns", addresses);
  CHECK(s.comes_to(20, 15000));
  s.f.world.add_engine("late");
  s.f.world.advance(kMinute);
  addresses.push_back("late");
  s.named("dns", addresses);
  CHECK(s.comes_to(21, 2000));
}
