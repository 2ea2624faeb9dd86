#include "discovery/dns/answer.h"

#include "discovery/dns/lookup.h"
#include "discovery/dns_messages.h"

#include <ares.h>
#include <doctest/doctest.h>

#include <algorithm>

using namespace pinnate::discovery;
using Kind = Answer::Kind;

namespace {

const std::vector<std::string> kAllRecorded = {
    "dnsmasq-a-three",       "dnsmasq-aaaa-dual", "dnsmasq-a-hundred-udp", "dnsmasq-a-hundred-udp-edns4096",
    "dnsmasq-a-hundred-tcp", "dnsmasq-srv",       "dnsmasq-nodata",        "dnsmasq-nxdomain",
    "dnsmasq-refused",       "unbound-a",         "unbound-cname-alone",   "bind9-a-three",
    "bind9-cname",           "bind9-srv",         "bind9-nxdomain",        "bind9-nodata",
    "bind9-a-5000-tcp-edns"};

int type_of(const std::string& message) { return Query::of(message, false).type; }

Answer read(const std::string& message, int type) { return read_answer("n", type, ARES_SUCCESS, message); }

// Whether the bytes of the address stand somewhere in the message.
bool stands_in(const std::string& message, const std::string& ip) {
  char bytes[16];
  const int family = ip.find(':') == std::string::npos ? AF_INET : AF_INET6;
  REQUIRE(inet_pton(family, ip.c_str(), bytes) == 1);
  return message.find(std::string(bytes, family == AF_INET ? 4 : 16)) != std::string::npos;
}

}  // namespace

TEST_CASE("recorded answers are read: addresses, the smallest time to live, and the word that they are cut") {
  const Answer three = read(recorded("bind9-a-three"), ns_t_a);
  CHECK(three.kind == Kind::records);
  CHECK(three.ips == std::vector<std::string>{"10.1.0.3", "10.1.0.1", "10.1.0.2"});
  CHECK(three.ttl_ms == 30000);
  const Answer alias = read(recorded("bind9-cname"), ns_t_a);
  CHECK(alias.ips.size() == 3);
  CHECK(alias.ttl_ms == 5000);  // of the alias
  CHECK(read(recorded("dnsmasq-aaaa-dual"), ns_t_aaaa).ips == std::vector<std::string>{"fd00::1"});
  const Answer hundred = read(recorded("dnsmasq-a-hundred-tcp"), ns_t_a);
  CHECK(hundred.ips.size() == 100);
  CHECK_FALSE(hundred.cut);
  CHECK(read(recorded("dnsmasq-a-hundred-udp"), ns_t_a).cut);
  const Answer none = read(recorded("bind9-a-5000-tcp-edns"), ns_t_a);
  CHECK(none.kind == Kind::records);
  CHECK(none.cut);
  const Answer service = read(recorded("dnsmasq-srv"), ns_t_srv);
  REQUIRE(service.services.size() == 2);
  CHECK(service.services[0].host == "dual.edge.test");
  CHECK(service.services[0].port == 7001);
}

TEST_CASE("what is not there is told from what cannot be told") {
  for (const char* file : {"dnsmasq-nxdomain", "unbound-nxdomain", "bind9-nxdomain"})
    CHECK(read(recorded(file), ns_t_a).kind == Kind::no_name);
  for (const char* file : {"dnsmasq-nodata", "bind9-nodata"})
    CHECK(read(recorded(file), ns_t_aaaa).kind == Kind::nothing);
  const Answer alias = read(recorded("unbound-cname-alone"), ns_t_a);
  CHECK(alias.kind == Kind::nothing);
  CHECK(alias.alias == "ok.test");
  for (const char* file : {"dnsmasq-refused", "unbound-refused", "bind9-refused", "bind9-servfail"})
    CHECK(read(recorded(file), ns_t_a).kind == Kind::failed);
  const Query query = Query::for_name("a.test", ns_t_a);
  CHECK(read(query.bytes, ns_t_a).why == "what came back for n is no answer");  // the question itself
  CHECK(read(message(query, {}, kAnswers | ns_r_notauth), ns_t_a).why == "the name server fails for n: RCODE 9");
  CHECK(read(message(query, {}, 0x8100), ns_t_a).why == "the name server for n knows only whom else to ask");
  CHECK(read(message(query, {}, 0x8180), ns_t_a).kind == Kind::nothing);
  CHECK(read_answer("n", ns_t_a, ARES_ETIMEOUT, "").why == "no name server answered for n: timeout");
  CHECK(read_answer("n", ns_t_a, ARES_ECONNREFUSED, "").why == "the name servers refuse or fail for n");
}

TEST_CASE("a message as large as one can be is read whole") {
  const Query query = Query::for_name("k50.edge.test", ns_t_a);
  const std::string full = message(query, many(4094));
  CHECK(full.size() == 65535);
  CHECK(read(full, ns_t_a).ips.size() == 4094);
  CHECK(read(message(query, many(1700)), ns_t_a).ips.size() == 1700);
}

TEST_CASE("the shortest time to live of a message and of both families counts") {
  const Answer four =
      read(message(Query::for_name("a.test", ns_t_a), {a("10.0.0.1", 9), a("10.0.0.2", 7), a("10.0.0.3", 8)}), ns_t_a);
  CHECK(four.ttl_ms == 7000);
  Answer six = read(recorded("dnsmasq-aaaa-dual"), ns_t_aaaa);
  for (const int ttl_ms : {6000, 8000}) {
    six.ttl_ms = ttl_ms;
    CHECK(addresses_of("a.test", {ns_t_a, ns_t_aaaa}, {four, six}).ttl_ms == std::min(ttl_ms, 7000));
    CHECK(addresses_of("a.test", {ns_t_a, ns_t_aaaa}, {six, four}).ttl_ms == std::min(ttl_ms, 7000));
  }
}

TEST_CASE("a time to live with its top bit set is none") {
  CHECK(read(message(Query::for_name("a.test", ns_t_a), {a("10.0.0.1", 0xffffffff)}), ns_t_a).ttl_ms == 0);
}

TEST_CASE("a message that ends anywhere names nobody who is not in it, and is never taken for all") {
  for (const std::string& file : kAllRecorded) {
    CAPTURE(file);
    const std::string whole = recorded(file);
    const int type = type_of(whole);
    const Answer all = read(whole, type);
    for (std::size_t bytes = 0; bytes < whole.size(); bytes++) {
      const std::string part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(bytes));  // ASan sees its end
      const Answer answer = read_answer("n", type, bytes == 0 ? ARES_ETIMEOUT : ARES_SUCCESS, part);
      for (const std::string& ip : answer.ips) CHECK(stands_in(part, ip));
      if (answer.kind == Kind::records) CHECK((answer.ips == all.ips && answer.services.size() == all.services.size()));
      if (answer.kind == Kind::nothing || answer.kind == Kind::no_name) CHECK(answer.kind == all.kind);
    }
  }
}

TEST_CASE("a message with any byte changed is read without harm") {
  for (const std::string& file : kAllRecorded) {
    CAPTURE(file);
    const std::string whole = recorded(file);
    const int type = type_of(whole);
    for (std::size_t at = 0; at < std::min<std::size_t>(whole.size(), 220); at++)
      for (const unsigned char value : {0x00, 0x01, 0x0c, 0x3f, 0x7f, 0xc0, 0xff}) {
        std::string changed = whole;
        changed[at] = static_cast<char>(value);
        for (const std::string& ip : read(changed, type).ips)
          if (!stands_in(changed, ip)) FAIL(ip);
      }
  }
}

TEST_CASE("counts and names that lie end in a failure") {
  const Query query = Query::for_name("a.test", ns_t_a);
  std::string lying = message(query, {a("10.0.0.1")});
  lying.replace(6, 2, "\xff\xff");
  CHECK(read(lying, ns_t_a).kind == Kind::failed);
  const std::string at_itself = two_bytes(0xc000 | message(query, {}).size());  // its name points at itself
  CHECK(read(message(query, {a("10.0.0.1", 0, at_itself)}), ns_t_a).kind == Kind::failed);
  CHECK(read(message(query, {a("10.0.0.1"), a("10.0.0.9", 0, name_bytes("b.test"))}), ns_t_a).ips ==
        std::vector<std::string>{"10.0.0.1"});  // of another name
  CHECK(read(message(query, {record(kAsked, ns_t_a, 0, "abc")}), ns_t_a).kind == Kind::nothing);
  CHECK(read(message(Query::for_name("a.test", ns_t_srv), {record(kAsked, ns_t_srv, 0, "abc")}), ns_t_srv).kind ==
        Kind::failed);
}
