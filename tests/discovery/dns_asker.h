// A source under test, and the name server that it asks.
#pragma once

#include "discovery/dns/dns.h"
#include "discovery/dns_server.h"
#include "discovery/source/source.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

namespace pinnate::discovery {

using Said = Naming::Answer;
using Members = std::vector<std::string>;

// The machine may be busy, so only where the server is silent the time of a try is short.
const std::string kInTime = "min_ms=100&max_ms=100&timeout_ms=10000";
const std::string kShort = "min_ms=100&max_ms=100&timeout_ms=150&tries=1";

constexpr unsigned kNoName = kAnswers | ns_r_nxdomain, kServerFails = kAnswers | ns_r_servfail;

// A source that asks the fake server, without any search domain but what a test writes.
struct Asker {
  PolledLoop loop;
  FakeServer server{loop};
  char folder[32] = "/tmp/pin-XXXXXX";
  std::vector<Naming> said;
  std::unique_ptr<Source> source;

  Asker() {
    REQUIRE(mkdtemp(folder));
    write_resolv_conf("search .\n");
  }
  ~Asker() {
    source.reset();
    std::system(("rm -rf " + std::string(folder)).c_str());
  }
  std::string resolv_conf() const { return std::string(folder) + "/resolv.conf"; }
  void write_resolv_conf(const std::string& text) const {
    std::ofstream(resolv_conf() + ".new") << text;
    REQUIRE(std::rename((resolv_conf() + ".new").c_str(), resolv_conf().c_str()) == 0);
  }

  Status open(const std::string& text, const std::string& options = kInTime) {
    Result<Uri> uri = parse_uri(text + "?server=" + server.address() + "&" + options);
    REQUIRE(uri.ok());
    Asking asking;
    asking.resolv_conf = resolv_conf();
    auto say = [this](Naming naming) { said.push_back(std::move(naming)); };
    auto opened = uri->scheme == "srv" ? open_srv(*uri, loop, {}, say, asking) : open_dns(*uri, loop, {}, say, asking);
    if (!opened.ok()) return opened.status();
    source = std::move(*opened);
    return {};
  }
  const Naming& next() {
    const std::size_t before = said.size();
    loop.until([&] { return said.size() > before; });
    return said.back();
  }
  const Naming& first_of(const std::string& text, const std::string& options = kInTime) {
    REQUIRE(open(text, options).ok());
    return next();
  }
  void for_looks(std::size_t count) {  // begins of looks at IPv4
    const auto asked_a = [&] {
      return std::count_if(server.asked.begin(), server.asked.end(), [](const Query& q) { return q.type == ns_t_a; });
    };
    const auto end = asked_a() + static_cast<std::ptrdiff_t>(count);
    loop.until([&] { return asked_a() >= end; });
  }
};

inline std::string recorded_for(const Query& query, const std::string& file) {
  const std::string bytes = recorded(file);
  REQUIRE(Query::of(bytes, false).name == query.name);
  return bytes;
}

}  // namespace pinnate::discovery
