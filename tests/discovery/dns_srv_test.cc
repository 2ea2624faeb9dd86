#include "discovery/dns_asker.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace pinnate;
using namespace pinnate::discovery;

TEST_CASE("a service is every address of its hosts, with their ports") {
  Asker asker;
  asker.server.script = [&](const Query& query) {
    if (query.type == ns_t_srv)
      return recorded_for(query, query.name == "_engine._tcp.edge.test" ? "dnsmasq-srv" : "bind9-srv");
    if (query.name == "dual.edge.test")
      return query.type == ns_t_a ? message(query, {a("10.9.0.1")}) : recorded("dnsmasq-aaaa-dual");
    if (query.name == "ninety.b.test")
      return query.type == ns_t_aaaa
                 ? message(query, {})
                 : message(query, many(query.tcp ? 90 : 20), query.tcp ? kAnswers : kAnswers | kCut);
    if (query.type != ns_t_a) return message(query, {});
    return recorded_for(query, query.name == "three.b.test" ? "bind9-a-three" : "dnsmasq-a-three");
  };
  CHECK(asker.first_of("srv:_engine._tcp.edge.test") ==
        Naming{Said::whole,
               {"tcp://10.1.0.1:7000", "tcp://10.1.0.2:7000", "tcp://10.1.0.3:7000", "tcp://10.9.0.1:7001",
                "tcp://[fd00::1]:7001"},
               {},
               ""});
  CHECK(asker.first_of("srv:_engine._tcp.b.test").addresses.size() == 93);
  CHECK(asker.said.back().answer == Said::whole);
}

TEST_CASE("a service with a host that cannot be found now is incomplete") {
  Asker asker;
  asker.write_resolv_conf("search one.test\noptions ndots:9\n");
  asker.server.script = [&](const Query& query) {
    if (query.type == ns_t_srv) return message(query, {srv("a.test", 1), srv("b.test", 2), srv("b.test", 0)});
    if (query.name == "a.test" && query.type == ns_t_a) return message(query, {a("10.0.0.1")});
    if (query.name == "a.test") return message(query, {});
    return message(query, {}, kNoName);
  };
  CHECK(asker.first_of("srv:_e._tcp.test.") ==
        Naming{Said::incomplete,
               {"tcp://10.0.0.1:1"},
               {},
               "of 2 hosts of _e._tcp.test. not all addresses are known now: b.test has port 0"});
  CHECK(asker.server.count("a.test.one.test", ns_t_a) == 0);  // the name of a host is a full one
  asker.server.script = [&](const Query& query) {
    if (query.type == ns_t_srv) return message(query, {srv("a.test", 1), srv("b.test", 2)});
    return query.name == "b.test" ? message(query, {}, kServerFails) : message(query, {a("10.0.0.1")});
  };
  CHECK(asker.next().why ==
        "of 2 hosts of _e._tcp.test. not all addresses are known now: the name servers refuse or fail for b.test.");
  asker.server.script = [&](const Query& query) {
    return query.type == ns_t_srv ? message(query, {srv("a.test", 1)}) : message(query, {}, kServerFails);
  };
  CHECK(asker.next().answer == Said::failed);  // nobody is named
}

TEST_CASE("a service that is not there is told from one that cannot be told") {
  struct Row {
    std::function<std::string(const Query&)> answer;
    Said said;
    std::string why;
  };
  const Row rows[] = {
      {[](const Query& query) { return message(query, {srv("", 0)}); },  // RFC 2782: "."
       Said::whole, "_e._tcp.test says that there is no such service"},
      {[](const Query& query) { return message(query, {}); }, Said::whole, "_e._tcp.test has no SRV record"},
      {[](const Query& query) { return message(query, {}, kNoName); }, Said::whole,
       "there is no name _e._tcp.test (NXDOMAIN)"},
      {[](const Query&) { return std::string(); }, Said::failed, "no name server answered for _e._tcp.test: timeout"},
      {[](const Query& query) { return message(query, {srv("bad name.test", 1)}); }, Said::failed,
       "of 1 hosts of _e._tcp.test not all addresses are known now: of a host the name 'bad name.test' has a character "
       "that no "
       "host name has"},
  };
  Asker asker;
  for (const Row& row : rows) {
    asker.server.script = row.answer;
    CHECK(asker.first_of("srv:_e._tcp.test", kShort) == Naming{row.said, {}, {}, row.why});
  }
}

TEST_CASE("the hosts of a service are asked for a few at a time") {
  Asker asker;
  asker.server.script = [&](const Query& query) {
    if (query.type != ns_t_srv) return std::string();
    std::vector<std::string> records;
    for (int i = 0; i < 20; i++) records.push_back(srv("h" + std::to_string(i) + ".t", 1));
    return message(query, records, kAnswers | (query.tcp ? 0 : kCut));
  };
  REQUIRE(asker.open("srv:_e._tcp.test").ok());
  const std::size_t at_once = 2 + 2 * 16;  // SRV by UDP and TCP, then both families of sixteen
  asker.loop.until([&] { return asker.server.asked.size() >= at_once; });
  asker.loop.for_ms(50);
  CHECK(asker.server.asked.size() == at_once);
}

TEST_CASE("a service names at most 65536 addresses") {
  Asker asker;
  asker.server.script = [&](const Query& query) {
    const auto cut = [&](std::size_t count) { return message(query, many(count), kAnswers | kCut); };
    if (query.type == ns_t_aaaa) return message(query, {});
    if (!query.tcp && (query.type == ns_t_srv || query.name == "large.test")) return cut(0);
    if (query.type == ns_t_a) return message(query, query.name == "large.test" ? many(4080) : many(1));
    std::vector<std::string> records;
    for (int i = 0; i < 100; i++) records.push_back(srv("h" + std::to_string(i) + ".test", 1));
    for (std::size_t port = 1; port <= 17; port++) records.push_back(srv("large.test", port));
    return message(query, records);
  };
  const Naming said = asker.first_of("srv:_e._tcp.test", "min_ms=10000&timeout_ms=10000");
  CHECK(said.answer == Said::incomplete);
  CHECK(said.addresses.size() == kMostAddresses);
  CHECK(said.why == "_e._tcp.test has more than 65536 addresses");
  CHECK(asker.server.count("h99.test", ns_t_a) == 1);
}
