#include "discovery/discovery.h"
#include "discovery/dns_asker.h"

#include <dirent.h>
#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace pinnate;
using namespace pinnate::discovery;

namespace {

std::size_t open_descriptors() {
  std::size_t count = 0;
  DIR* folder = opendir("/proc/self/fd");
  while (readdir(folder)) count++;
  closedir(folder);
  return count;
}

}  // namespace

TEST_CASE("all addresses of a name are said, sorted; the same in another order is nothing new") {
  Asker asker;
  std::string file = "dnsmasq-a-three";
  asker.server.script = [&](const Query& query) {
    return query.type == ns_t_a ? recorded_for(query, file) : message(query, {});
  };
  CHECK(asker.first_of("dns:three.edge.test:9000") ==
        Naming{Said::whole, {"tcp://10.1.0.1:9000", "tcp://10.1.0.2:9000", "tcp://10.1.0.3:9000"}, {}, ""});
  file = "dnsmasq-a-three-again";
  asker.for_looks(2);
  CHECK(asker.said.size() == 1);
  asker.server.script = [&](const Query& query) {
    return query.type == ns_t_a ? message(query, {a("10.1.0.3"), a("10.1.0.3")}) : message(query, {});
  };
  CHECK(asker.next() == Naming{Said::whole, {"tcp://10.1.0.3:9000"}, {}, ""});
}

TEST_CASE("both families are asked for at once, or the one that is wanted") {
  Asker asker;
  asker.server.script = [&](const Query& query) {
    return query.type == ns_t_a ? message(query, {a("10.9.0.1")}) : recorded_for(query, "dnsmasq-aaaa-dual");
  };
  CHECK(asker.first_of("dns:dual.edge.test").addresses == Members{"tcp://10.9.0.1:7070", "tcp://[fd00::1]:7070"});
  CHECK(asker.first_of("dns:dual.edge.test", "family=6").addresses == Members{"tcp://[fd00::1]:7070"});
  const std::size_t before = asker.server.count("dual.edge.test", ns_t_aaaa);
  CHECK(asker.first_of("dns:dual.edge.test", "family=4").addresses == Members{"tcp://10.9.0.1:7070"});
  CHECK(asker.server.count("dual.edge.test", ns_t_aaaa) == before);
}

TEST_CASE("what recorded answers say is said") {
  struct Row {
    std::string name, file;
    Said answer;
    std::size_t addresses;
    std::string why;
  };
  const std::string refused = "the name servers refuse or fail for ";
  const Row rows[] = {
      {"ok.test", "unbound-a", Said::whole, 3, ""},
      {"three.b.test", "bind9-a-three", Said::whole, 3, ""},
      {"cn.b.test", "bind9-cname", Said::whole, 3, ""},
      {"nope.edge.test", "dnsmasq-nxdomain", Said::whole, 0, "there is no name nope.edge.test (NXDOMAIN)"},
      {"nx.test", "unbound-nxdomain", Said::whole, 0, "there is no name nx.test (NXDOMAIN)"},
      {"nope.b.test", "bind9-nxdomain", Said::whole, 0, "there is no name nope.b.test (NXDOMAIN)"},
      {"example.org", "dnsmasq-refused", Said::failed, 0, refused + "example.org"},
      {"refuse.test", "unbound-refused", Said::failed, 0, refused + "refuse.test"},
      {"example.org", "bind9-refused", Said::failed, 0, refused + "example.org"},
      {"x.broken.test", "bind9-servfail", Said::failed, 0, refused + "x.broken.test"},
      {"h101.k.test", "bind9-servfail-too-many-records", Said::failed, 0, refused + "h101.k.test"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.file);
    Asker asker;
    asker.server.script = [&](const Query& query) {
      if (query.type == ns_t_a) return recorded_for(query, row.file);
      const unsigned rcode = two_bytes_at(recorded(row.file), 2) & 15;
      return message(query, {}, kAnswers | rcode);
    };
    const Naming said = asker.first_of("dns:" + row.name);
    CHECK(said.answer == row.answer);
    CHECK(said.addresses.size() == row.addresses);
    CHECK(said.why == row.why);
  }
  for (const auto& [name, file] :
       {std::pair{"v4only.edge.test", "dnsmasq-nodata"}, std::pair{"three.b.test", "bind9-nodata"}}) {
    CAPTURE(file);
    Asker asker;
    asker.server.script = [&, f = std::string(file)](const Query& query) {
      return query.type == ns_t_aaaa ? recorded_for(query, f) : message(query, {a("10.0.0.1")});
    };
    CHECK(asker.first_of("dns:" + std::string(name)) == Naming{Said::whole, {"tcp://10.0.0.1:7070"}, {}, ""});
    asker.server.script = [&, f = std::string(file)](const Query& query) {
      return query.type == ns_t_aaaa ? recorded_for(query, f) : message(query, {});
    };
    CHECK(asker.first_of("dns:" + std::string(name)) ==
          Naming{Said::whole, {}, {}, std::string(name) + " has no address"});
  }
}

TEST_CASE("what an alias leads to is asked for where the server did not") {
  Asker asker;
  std::function<std::string(const Query&)> target;
  asker.server.script = [&](const Query& query) {
    if (query.name == "ok.test") return target(query);
    return query.type == ns_t_a ? recorded_for(query, "unbound-cname-alone") : message(query, {cname("ok.test")});
  };
  target = [](const Query& query) {
    return query.type == ns_t_a ? recorded_for(query, "unbound-a") : message(query, {});
  };
  CHECK(asker.first_of("dns:cn.ok.test") ==
        Naming{Said::whole, {"tcp://10.1.0.1:7070", "tcp://10.1.0.2:7070", "tcp://10.1.0.3:7070"}, {}, ""});
  target = [](const Query& query) { return message(query, {}); };
  CHECK(asker.first_of("dns:cn.ok.test") == Naming{Said::whole, {}, {}, "cn.ok.test has no address"});
  target = [](const Query& query) { return message(query, {}, kAnswers | ns_r_refused); };
  CHECK(asker.first_of("dns:cn.ok.test") ==
        Naming{Said::failed, {}, {}, "the name servers refuse or fail for cn.ok.test"});
  target = [](const Query& query) { return message(query, {cname("ok.test")}); };
  CHECK(asker.first_of("dns:cn.ok.test") == Naming{Said::failed, {}, {}, "the aliases of cn.ok.test do not end"});
  CHECK(asker.server.count("cn.ok.test", ns_t_aaaa) == 4);  // what fails is looked at three times
}

TEST_CASE("what is cut by UDP is asked for by TCP, and whole") {
  Asker asker;
  asker.server.script = [&](const Query& query) {
    if (query.type != ns_t_a) return message(query, {});
    return recorded_for(query, query.tcp ? "dnsmasq-a-hundred-tcp" : "dnsmasq-a-hundred-udp");
  };
  CHECK(asker.first_of("dns:hundred.edge.test").answer == Said::whole);
  CHECK(asker.said.back().addresses.size() == 100);
  asker.server.script = [&](const Query& query) {
    if (query.type != ns_t_a) return message(query, {});
    return query.tcp ? message(query, many(90)) : recorded_for(query, "bind9-a-ninety-udp");
  };
  CHECK(asker.first_of("dns:ninety.b.test").addresses.size() == 90);
  CHECK(asker.said.back().answer == Said::whole);
}

TEST_CASE("more than the 512 bytes of UDP are not believed: TCP is asked, and no EDNS is offered") {
  Asker asker;
  asker.server.script = [&](const Query& query) {
    CHECK(two_bytes_at(query.bytes, 10) == 0);  // no additional record, where EDNS would stand
    if (query.type != ns_t_a) return message(query, {});
    return recorded_for(query, query.tcp ? "dnsmasq-a-hundred-tcp" : "dnsmasq-a-hundred-udp-edns4096");
  };
  CHECK(asker.first_of("dns:hundred.edge.test").addresses.size() == 100);
}

TEST_CASE("a name of thousands of addresses is whole for as long as its answer is") {
  struct Row {
    std::string name;
    std::size_t addresses, bytes;
    bool cut;
  };
  const Row rows[] = {{"k17.edge.test", 1700, 27231, false},
                      {"k40.m.test", 4080, 65308, false},
                      {"k50.edge.test", 4094, 65535, true},
                      {"k50.m.test", 4094, 65532, true}};
  for (const Row& row : rows) {
    CAPTURE(row.name);
    Asker asker;
    asker.server.script = [&](const Query& query) {
      if (query.type != ns_t_a) return message(query, {});
      if (!query.tcp) return message(query, many(29), kAnswers | kCut);
      const std::string bytes = message(query, many(row.addresses), row.cut ? kAnswers | kCut : kAnswers);
      CHECK(bytes.size() == row.bytes);
      return bytes;
    };
    const Naming said = asker.first_of("dns:" + row.name, "min_ms=10000&timeout_ms=10000&tries=1");
    CHECK(said.answer == (row.cut ? Said::incomplete : Said::whole));
    CHECK(said.addresses.size() == row.addresses);
    CHECK(said.why == (row.cut ? "the answer for " + row.name + " is cut: 4094 addresses of more" : ""));
  }
}

TEST_CASE("an answer that is cut by TCP and has no address takes nobody away") {  // bind9 and unbound with EDNS
  Asker asker;
  asker.server.script = [&](const Query& query) {
    return query.type == ns_t_a ? recorded_for(query, "bind9-a-5000-tcp-edns") : message(query, {});
  };
  CHECK(asker.first_of("dns:k50.m.test") ==
        Naming{Said::incomplete, {}, {}, "the answer for k50.m.test is cut: 0 addresses of more"});
}

TEST_CASE("where one family is not told, those of the other are not all") {
  Asker asker;
  asker.server.script = [&](const Query& query) {
    return query.type == ns_t_a ? message(query, {a("10.0.0.1")}) : message(query, {}, kServerFails);
  };
  CHECK(asker.first_of("dns:a.test") ==
        Naming{Said::incomplete,
               {"tcp://10.0.0.1:7070"},
               {},
               "of a.test no IPv6 address is known now: the name servers refuse or fail for a.test (with family=4 none is asked for)"});
  asker.server.script = [&](const Query& query) {
    return query.type == ns_t_a ? "" : message(query, {aaaa("fd00::2")});
  };
  CHECK(asker.first_of("dns:a.test", kShort) ==
        Naming{Said::incomplete,
               {"tcp://[fd00::2]:7070"},
               {},
               "of a.test no IPv4 address is known now: no name server answered for a.test: timeout (with family=6 none is asked for)"});
  asker.server.script = [&](const Query& query) { return query.type == ns_t_a ? message(query, {}, kNoName) : ""; };
  CHECK(asker.first_of("dns:a.test", kShort).answer == Said::failed);  // NXDOMAIN for one alone is no proof
  asker.server.script = [&](const Query& query) {
    return query.type == ns_t_a ? message(query, {a("10.0.0.1")}) : message(query, {}, kNoName);
  };
  CHECK(asker.first_of("dns:a.test") == Naming{Said::whole, {"tcp://10.0.0.1:7070"}, {}, ""});  // some servers do so
}

TEST_CASE("a server that falls silent names nobody, and is heard again once it is back") {
  Asker asker;
  asker.server.script = [](const Query& query) {
    return query.type == ns_t_a ? message(query, {a("10.0.0.1")}) : message(query, {});
  };
  CHECK(asker.first_of("dns:a.test", kShort).answer == Said::whole);
  const auto script = std::exchange(asker.server.script, [](const Query&) { return std::string(); });
  CHECK(asker.next() == Naming{Said::failed, {}, {}, "no name server answered for a.test: timeout"});
  asker.server.script = script;
  CHECK(asker.next() == Naming{Said::whole, {"tcp://10.0.0.1:7070"}, {}, ""});
}

TEST_CASE("where nobody listens the look fails at once, and the next server is asked") {
  Asker asker;
  asker.server.script = [](const Query& query) {
    return query.type == ns_t_a ? message(query, {a("10.0.0.1")}) : message(query, {});
  };
  std::string nobody;
  {
    FakeServer gone(asker.loop);
    nobody = gone.address();
  }
  Result<Uri> alone = parse_uri("dns:a.test?min_ms=100&timeout_ms=60000&server=" + nobody);
  const std::int64_t begin_ms = asker.loop.monotonic_ms();
  auto opened = open_dns(*alone, asker.loop, {}, [&](Naming naming) { asker.said.push_back(std::move(naming)); });
  REQUIRE(opened.ok());
  CHECK(asker.next() == Naming{Said::failed, {}, {}, "the name servers refuse or fail for a.test"});
  CHECK(asker.loop.monotonic_ms() - begin_ms < 20000);
  opened->reset();
  Result<Uri> both = parse_uri("dns:a.test?timeout_ms=60000&server=" + nobody + "&server=" + asker.server.address());
  opened = open_dns(*both, asker.loop, {}, [&](Naming naming) { asker.said.push_back(std::move(naming)); });
  REQUIRE(opened.ok());
  CHECK(asker.next() == Naming{Said::whole, {"tcp://10.0.0.1:7070"}, {}, ""});
}

TEST_CASE("a question that is not answered is sent again at an even pace, and so often in vain is a failure") {
  Asker asker;
  std::size_t silent = 2;
  asker.server.script = [&](const Query& query) {
    if (query.type != ns_t_a) return message(query, {});
    if (silent == 0) return message(query, {a("10.0.0.1")});
    silent--;
    return std::string();
  };
  CHECK(asker.first_of("dns:a.test", "min_ms=100&max_ms=100&timeout_ms=100&tries=3").answer == Said::whole);
  silent = 3;
  CHECK(asker.next().answer == Said::failed);
  CHECK(asker.next().answer == Said::whole);
}

TEST_CASE("a server that is back is seen with the next try, however long it was away") {
  Asker asker;
  bool away = true;
  asker.server.script = [&](const Query& query) {
    if (away) return std::string();
    return query.type == ns_t_a ? message(query, {a("10.0.0.1")}) : message(query, {});
  };
  CHECK(asker.first_of("dns:a.test", "min_ms=100&max_ms=100&timeout_ms=200&tries=9").answer == Said::failed);
  asker.for_looks(7);  // in the middle of the next look
  away = false;
  const std::int64_t back_ms = asker.loop.monotonic_ms();
  CHECK(asker.next().answer == Said::whole);
  CHECK(asker.loop.monotonic_ms() - back_ms < 1000);  // c-ares by itself would wait 12.8 s between its last tries
}

TEST_CASE("the next look comes after the time to live, between floor and ceiling") {
  struct Row {
    std::size_t alias_ttl_s, ttl_s;
    std::string options;
    std::int64_t least_ms, most_ms;
  };
  const Row rows[] = {{0, 0, "min_ms=200", 200, 500},
                      {3600, 3600, "min_ms=100&max_ms=300", 300, 700},
                      {1, 3600, "min_ms=100&max_ms=5000", 1000, 2500}};  // the alias lives shorter
  for (const Row& row : rows) {
    CAPTURE(row.options);
    Asker asker;
    asker.server.script = [&](const Query& query) {
      if (query.type != ns_t_a) return message(query, {});
      return message(query, {cname("b.test", row.alias_ttl_s), a("10.0.0.1", row.ttl_s, name_bytes("b.test"))});
    };
    const std::int64_t opened_ms = asker.loop.monotonic_ms();
    REQUIRE(asker.open("dns:a.test", row.options).ok());
    asker.for_looks(2);
    std::vector<std::int64_t> at_ms;
    for (std::size_t i = 0; i < asker.server.asked.size(); i++)
      if (asker.server.asked[i].type == ns_t_a) at_ms.push_back(asker.server.asked_at_ms[i]);
    CHECK(at_ms[1] - opened_ms >= row.least_ms - 1);  // from look to look; the server sees each a moment later
    CHECK(at_ms[1] - at_ms[0] <= row.most_ms);
  }
}

TEST_CASE("a name is searched for as resolv.conf says, and both families come from one full name") {
  Asker asker;
  asker.write_resolv_conf("search one.test two.test.\noptions ndots:2\n");
  asker.server.script = [](const Query& query) {
    if (query.name == "engines.one.test" && query.type == ns_t_a) return message(query, {a("10.0.0.1")});
    if (query.name == "engines.one.test") return message(query, {});
    if (query.name == "engines.two.test")
      return query.type == ns_t_a ? message(query, {a("10.0.0.2")}) : message(query, {aaaa("fd00::2")});
    if (query.name == "x.y") return query.type == ns_t_a ? message(query, {a("10.0.0.3")}) : message(query, {});
    return message(query, {}, kNoName);
  };
  CHECK(asker.first_of("dns:engines").addresses == Members{"tcp://10.0.0.1:7070"});
  CHECK(asker.server.asked.front().name == "engines.one.test");
  asker.server.asked.clear();
  CHECK(asker.first_of("dns:x.y").addresses == Members{"tcp://10.0.0.3:7070"});
  CHECK(asker.server.asked.front().name == "x.y.one.test");  // fewer dots than ndots
  CHECK(asker.server.count("x.y.two.test", ns_t_a) == 1);
  asker.server.asked.clear();
  CHECK(asker.first_of("dns:x.y.").addresses == Members{"tcp://10.0.0.3:7070"});
  CHECK(asker.server.asked.front().name == "x.y");  // it ends in a dot
  asker.server.asked.clear();
  CHECK(asker.first_of("dns:engines.b.c").why == "there is no name engines.b.c (NXDOMAIN)");
  CHECK(asker.server.asked.front().name == "engines.b.c");
  CHECK(asker.server.count("engines.b.c.two.test", ns_t_aaaa) == 1);
}

TEST_CASE("a full name of which no server can tell now is not taken for another") {
  Asker asker;
  asker.write_resolv_conf("search one.test two.test\n");
  asker.server.script = [](const Query& query) {
    if (query.name == "engines.one.test") return message(query, {}, kServerFails);
    return query.type == ns_t_a ? message(query, {a("10.0.0.2")}) : message(query, {});
  };
  CHECK(asker.first_of("dns:engines") == Naming{Said::failed, {}, {}, "the name servers refuse or fail for engines"});
}

TEST_CASE("resolv.conf is read again when it changes") {
  Asker asker;
  asker.write_resolv_conf("search one.test\n");
  asker.server.script = [](const Query& query) {
    if (query.type != ns_t_a) return message(query, {});
    return message(query, {a(query.name == "engines.one.test" ? "10.0.0.1" : "10.0.0.2")});
  };
  CHECK(asker.first_of("dns:engines").addresses == Members{"tcp://10.0.0.1:7070"});
  asker.write_resolv_conf("search two.test\n");
  CHECK(asker.next().addresses == Members{"tcp://10.0.0.2:7070"});
  CHECK(asker.server.count("engines.two.test", ns_t_a) >= 1);
}

TEST_CASE("an address asks nobody and is whole for ever") {
  Asker asker;
  CHECK(asker.first_of("dns:10.0.0.7") == Naming{Said::whole, {"tcp://10.0.0.7:7070"}, {}, ""});
  CHECK(asker.first_of("dns:[FD00:0::7]:80").addresses == Members{"tcp://[fd00::7]:80"});
  CHECK(asker.first_of("dns:fd00::7").addresses == Members{"tcp://[fd00::7]:7070"});
  asker.loop.for_ms(150);
  CHECK(asker.said.size() == 3);
  CHECK(asker.server.asked.empty());
}

TEST_CASE("an answer that lies names nobody and takes nobody away") {
  const std::function<std::string(const Query&)> lies[] = {
      [](const Query& query) { return query.bytes; },  // the question comes back
      [](const Query& query) { return message(query, {}, kAnswers | ns_r_notauth); },  // an RCODE of another kind
      [](const Query& query) { return message(query, {}, 0x8100); },  // a referral
      [](const Query& query) { return message(Query::for_name("b.test", query.type), {a("10.6.6.6")}); },
      [](const Query& query) { return query.tcp ? std::string() : message(query, {}, kAnswers | kCut); },
      [](const Query&) { return std::string("no message"); },
  };
  Asker asker;
  for (const auto& lie : lies) {
    asker.server.script = lie;
    const Naming said = asker.first_of("dns:a.test", kShort);
    CHECK(said.answer == Said::failed);
    CHECK(said.addresses.empty());
  }
}

TEST_CASE("an answer that ends anywhere on the wire names nobody and takes nobody away") {
  Asker asker;
  const std::string whole = recorded("dnsmasq-a-three");
  std::size_t bytes = 0;
  asker.server.script = [&](const Query& query) {
    if (query.type == ns_t_aaaa) return message(query, {});
    return query.tcp ? whole.substr(0, bytes) : message(query, {}, kAnswers | kCut);
  };
  for (; bytes < whole.size(); bytes++) {
    const Naming said = asker.first_of("dns:three.edge.test", "timeout_ms=10&tries=1");
    CHECK(said.answer == Said::failed);
    CHECK(said.addresses.empty());
  }
  CHECK(asker.first_of("dns:three.edge.test").addresses.size() == 3);
}

TEST_CASE("a source that is closed while it asks leaves nothing open and says nothing") {
  Asker asker;
  const std::size_t before = open_descriptors();
  asker.server.script = [](const Query& query) {
    return query.tcp ? std::string() : message(query, {}, kAnswers | kCut);
  };
  for (const char* uri : {"dns:a.test", "srv:a.test"}) {
    for (const bool by_tcp : {false, true}) {
      REQUIRE(asker.open(uri, "timeout_ms=10000").ok());
      const std::size_t asked = asker.server.asked.size();
      asker.loop.until([&] { return asker.server.asked.size() > asked && asker.server.asked.back().tcp == by_tcp; });
      asker.source.reset();
    }
  }
  asker.loop.until([&] { return open_descriptors() == before; });
  CHECK(asker.said.empty());
}

TEST_CASE("what is wrong with the URI of a name is said in words") {
  PolledLoop loop;
  const auto words = [&](const std::string& uri) {
    const Status status = open_source(uri, loop, {}, [](Naming) {}).status();
    CHECK(status.code() == PINNATE_INVALID);
    const std::string before = "source '" + uri + "': ";
    REQUIRE(status.message().substr(0, before.size()) == before);
    return status.message().substr(before.size());
  };
  const std::string label63(63, 'a');
  CHECK(words("dns:") == "the name is empty");
  CHECK(words("dns:.") == "the name is empty");
  CHECK(words("srv:") == "the name is empty");
  CHECK(words("dns::7070") == "the name is empty");
  CHECK(words("dns:a..b") == "the name 'a..b' has two dots in a row, or begins with one");
  CHECK(words("dns:.a") == "the name '.a' has two dots in a row, or begins with one");
  CHECK(words("dns:" + label63 + "a.b") == "the label '" + label63 + "a' has more than 63 bytes");
  CHECK(words("dns:" + label63 + "." + label63 + "." + label63 + "." + label63) == "the name has more than 253 bytes");
  CHECK(words("dns:a/b") == "the name 'a/b' has a character that no host name has");
  CHECK(words("dns:10.0.0.300") == "the name '10.0.0.300' is no IP address and ends in a number");
  CHECK(words("dns:a:0") == "a port is a number from 1 to 65535");
  CHECK(words("dns:a:65536") == "a port is a number from 1 to 65535");
  CHECK(words("dns:a:") == "a port is a number from 1 to 65535");
  CHECK(words("dns:[::1]:0") == "a port is a number from 1 to 65535");
  CHECK(words("dns:[::1]7070") == "after ']' comes nothing or ':PORT'");
  CHECK(words("dns:[10.0.0.1]:7070") == "'[10.0.0.1]:7070' is no IPv6 address in brackets");
  CHECK(words("dns:[::1") == "'[::1' is no IPv6 address in brackets");
  CHECK(words("srv:a:7070") == "SRV records say the ports: a service has none in its name");
  CHECK(words("srv:10.0.0.1") == "an IP address has no SRV records");
  CHECK(words("dns:a?min_ms=99") == "option 'min_ms' is a number from 100 to 86400000");
  CHECK(words("dns:a?max_ms=86400001") == "option 'max_ms' is a number from 100 to 86400000");
  CHECK(words("dns:a?min_ms=2000&max_ms=1000") == "option 'min_ms' is more than 'max_ms'");
  CHECK(words("dns:a?family=5") == "option 'family' is 4 or 6");
  CHECK(words("dns:a?server=localhost") == "option 'server': 'localhost' is no IP address");
  CHECK(words("dns:a?server=10.0.0.1:0") == "option 'server': a port is a number from 1 to 65535");
  CHECK(words("dns:a?tries=0") == "option 'tries' is a number from 1 to 10");
  CHECK(words("srv:a?timeout_ms=1") == "option 'timeout_ms' is a number from 10 to 60000");
  CHECK(words("dns:a?port=1") == "it has no option 'port'");
  for (const char* right : {"dns:a", "dns:a.b.", "dns:my_engine_1:80?min_ms=20000", "dns:a?max_ms=500",
                            "srv:_a._tcp.b?server=::1&server=[::1]:53&server=10.0.0.1"})
    CHECK_MESSAGE(open_source(right, loop, {}, [](Naming) {}).ok(), right);
}
