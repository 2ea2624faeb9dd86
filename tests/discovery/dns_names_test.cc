#include "discovery/dns/names.h"

#include "discovery/dns_server.h"

#include <doctest/doctest.h>

#include <optional>

using namespace pinnate;
using namespace pinnate::discovery;

namespace {

using Ips = std::vector<std::string>;

struct AskedNames {
  PolledLoop loop;
  FakeServer server{loop};
  std::unique_ptr<Names> names;

  AskedNames() {
    Asking asking;
    asking.servers = {{"127.0.0.1", server.port()}};
    asking.resolv_conf = "/dev/null";
    names = Names::make(loop, asking);
    REQUIRE(names);
  }
  Result<Ips> look_up(const std::string& host) {
    std::optional<Result<Ips>> found;
    names->look_up(host, [&](Result<Ips> result) { found = std::move(result); });
    CHECK_FALSE(found);  // never from inside
    loop.until([&] { return found.has_value(); });
    return *found;
  }
};

}  // namespace

TEST_CASE("a host has the addresses of both families") {
  AskedNames with;
  with.server.script = [](const Query& query) {
    return query.type == ns_t_a ? message(query, {a("10.0.0.2"), a("10.0.0.1")}) : message(query, {aaaa("fd00::1")});
  };
  CHECK(*with.look_up("api.test.") == Ips{"10.0.0.2", "10.0.0.1", "fd00::1"});
}

TEST_CASE("an address and localhost ask nobody") {
  AskedNames with;
  CHECK(*with.look_up("10.0.0.1") == Ips{"10.0.0.1"});
  CHECK(*with.look_up("fd00::1") == Ips{"fd00::1"});
  const Ips local = *with.look_up("localhost");
  CHECK(std::count(local.begin(), local.end(), "127.0.0.1") > 0);
  CHECK(with.server.asked.empty());
  const auto system = Names::make(with.loop);
  REQUIRE(system);
  bool done = false;
  system->look_up("localhost", [&](Result<Ips> result) { done = result.ok(); });
  with.loop.until([&] { return done; });
}

TEST_CASE("a family that stays silent holds up the other for a second") {
  AskedNames with;
  with.server.script = [](const Query& query) {
    return query.type == ns_t_a ? message(query, {a("10.0.0.1")}) : std::string();
  };
  const std::int64_t begin_ms = with.loop.monotonic_ms();
  CHECK(*with.look_up("api.test.") == Ips{"10.0.0.1"});
  CHECK(with.loop.monotonic_ms() - begin_ms >= 1000);
  CHECK(with.loop.monotonic_ms() - begin_ms < 2900);  // three tries of it take three seconds
}

TEST_CASE("why a host has no address is said in words") {
  AskedNames with;
  CHECK(with.look_up("api.test.").status().message() == "there is no name api.test. (NXDOMAIN)");
  CHECK(with.look_up("api.test.").status().code() == PINNATE_UNREACHABLE);
  with.server.script = [](const Query& query) { return message(query, {}, kAnswers | ns_r_refused); };
  CHECK(with.look_up("api.test.").status().message() == "the name servers refuse or fail for api.test.");
  CHECK(with.look_up("a b").status().message() == "the name 'a b' has a character that no host name has");
}

TEST_CASE("names that are destroyed answer nothing, and may be from inside an answer") {
  AskedNames with;
  with.server.script = [](const Query&) { return std::string(); };
  bool answered = false;
  with.names->look_up("api.test.", [&](Result<Ips>) { answered = true; });
  with.loop.until([&] { return !with.server.asked.empty(); });
  with.names->look_up("10.0.0.1", [&](Result<Ips>) { with.names.reset(); });
  with.loop.until([&] { return !with.names; });
  with.loop.for_ms(20);
  CHECK_FALSE(answered);
}

TEST_CASE("names may be destroyed from inside the answer of a server") {
  AskedNames with;
  with.server.script = [](const Query& query) { return message(query, {}); };
  int answered = 0;
  for (int i = 0; i < 3; i++)
    with.names->look_up("api.test.", [&](Result<Ips>) {
      answered++;
      with.names.reset();
    });
  with.loop.until([&] { return !with.names; });
  with.loop.for_ms(20);
  CHECK(answered == 1);  // the others went with it
}
