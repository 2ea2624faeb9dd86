// What recorded and made EndpointSlices say, without a server.
#include "discovery/kubernetes/slices.h"

#include "discovery/http/lines.h"
#include "discovery/kubernetes_api.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

using namespace pinnate;
using namespace pinnate::discovery;

namespace {

using Names_ = std::vector<std::string>;

// What a watch leaves behind that comes in two pieces.
struct Watched {
  std::vector<std::string> told;  // TYPE NAME@VERSION
  SliceSet set;
  bool good = true;

  void feed(Lines* lines, std::string_view piece) {
    good = good && lines->feed(piece, [this](std::string& line) {
      SliceEvent event;
      if (!event.read(line)) return false;
      constexpr const char* kTypes[] = {"?", "ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"};
      told.push_back(kTypes[static_cast<int>(event.type)] + (" " + event.slice.name + "@" + event.version));
      if (event.type == SliceEvent::Type::deleted) {
        set.remove(event.slice.name);
      } else if (event.type != SliceEvent::Type::bookmark) {
        set.put(std::move(event.slice), {});
      }
      return true;
    });
  }
};

Watched watched(const std::string& stream, std::size_t cut) {
  Watched watched;
  Lines lines(1 << 20);
  watched.feed(&lines, std::string_view(stream).substr(0, cut));
  watched.feed(&lines, std::string_view(stream).substr(cut));
  return watched;
}

SliceSet set_of(std::string json, const PortChoice& port = {}) {
  SlicePage page;
  REQUIRE(page.read(json));
  SliceSet set;
  for (Slice& slice : page.slices) set.put(std::move(slice), port);
  return set;
}

std::string body_of(const std::string& name) {
  const std::string answer = recorded_answer(name);
  return answer.find("chunked") == std::string::npos ? answer.substr(answer.find("\r\n\r\n") + 4)
                                                     : recorded_stream(name);
}

}  // namespace

TEST_CASE("a recorded watch says the same at every cut") {
  for (const std::string name : {"watch-from-zero", "watch-added-modified-deleted", "watch-bookmarks",
                                 "watch-custom-resource-1.20", "watch-expired-410-event"}) {
    const std::string stream = recorded_stream(name);
    const Watched whole = watched(stream, 0);
    REQUIRE(whole.good);
    REQUIRE(whole.told.size() == static_cast<std::size_t>(std::count(stream.begin(), stream.end(), '\n')));
    for (std::size_t cut = 1; cut <= stream.size(); cut++) {
      const Watched cut_there = watched(stream, cut);
      const bool same =
          cut_there.good && cut_there.told == whole.told && cut_there.set.naming("x") == whole.set.naming("x");
      if (!same) FAIL(name << " at " << cut);
    }
  }
}

TEST_CASE("long recorded watches come apart into the same lines at every cut") {
  for (const std::string name : {"watch-pods-come-ready-terminate-go", "watch-pods-come-ready-terminate-go-1.20"}) {
    const std::string stream = recorded_stream(name);
    for (std::size_t cut = 1; cut <= stream.size(); cut++) {
      Lines lines(1 << 20);
      std::size_t at = 0;
      bool same = true;
      const auto take = [&](std::string& line) {
        same = same && stream.compare(at, line.size() + 1, line + "\n") == 0;
        at += line.size() + 1;
        return true;
      };
      // Lines before the one that is cut are as if there was no cut.
      at = cut < 2 ? 0 : stream.rfind('\n', cut - 2) + 1;
      const std::size_t begin = at, end = stream.find('\n', cut) + 1;
      lines.feed(std::string_view(stream).substr(begin, cut - begin), take);
      lines.feed(std::string_view(stream).substr(cut, end - cut), take);
      if (!same || at != std::max(end, cut)) FAIL(name << " at " << cut);
    }
  }
}

TEST_CASE("a watch that was recorded while slices came, ended and went leaves nobody") {
  const Watched all = watched(recorded_stream("watch-added-modified-deleted"), 0);
  CHECK(all.told == Names_{"ADDED engines-c@222", "MODIFIED engines-c@223", "DELETED engines-c@224",
                           "ADDED engines-c@225", "DELETED engines-c@226"});
  CHECK(all.set.naming("x") == Naming{Naming::Answer::whole, {}, {}, "x has no endpoints"});
}

TEST_CASE("the keys of a slice may come in any order, and null is nothing") {
  CHECK(watched(recorded_stream("watch-custom-resource-1.20"), 0).set.naming("x") ==
        Naming{Naming::Answer::whole, {"tcp://10.1.0.1:7000", "tcp://10.1.0.10:7000", "tcp://10.1.0.11:7000"}, {}, ""});
  CHECK(set_of(body_of("list-null-conditions-null-ports")).naming("x") ==
        Naming{Naming::Answer::whole, {"tcp://10.1.9.1:7000"}, {}, ""});
  std::string late = R"({"object":{"ports":[{"port":1}],"endpoints":[{"conditions":null,"addresses":["10.0.0.1"]},)"
                     R"({"conditions":{"ready":null,"terminating":null},"addresses":["10.0.0.2"]},{"addresses":null}],)"
                     R"("addressType":"IPv4","metadata":{"resourceVersion":"5","name":"a"}},"type":"MODIFIED"})";
  SliceEvent event;
  REQUIRE(event.read(late));
  CHECK(event.type == SliceEvent::Type::modified);
  CHECK(event.version == "5");
  CHECK(event.slice.name == "a");
  SliceSet set;
  set.put(event.slice, {});
  CHECK(set.naming("x").addresses == Names_{"tcp://10.0.0.1:1", "tcp://10.0.0.2:1"});
  CHECK(set.naming("x").terminating.empty());
  for (const std::string wrong : {"", "7", "[]", "{}", R"({"type":"ADDED")", "<html>"}) {
    std::string line = wrong;
    CHECK_FALSE(SliceEvent().read(line));
    line = wrong;
    CHECK_FALSE(SlicePage().read(line));
  }
}

TEST_CASE("an engine that is not ready is named, and one that ends is named as that, ready or not") {
  const SliceSet set = set_of(list_json(
      "1", slice_json("a", endpoint_json("10.0.0.1", R"({"ready":false,"serving":false,"terminating":false})") + "," +
                               endpoint_json("10.0.0.2", R"({"ready":false,"serving":true,"terminating":true})") + "," +
                               endpoint_json("10.0.0.3", R"({"ready":true,"serving":true,"terminating":true})") + "," +
                               endpoint_json("10.0.0.4", "{}"))));
  const Naming naming = set.naming("x");
  CHECK(naming.answer == Naming::Answer::whole);
  CHECK(naming.addresses ==
        Names_{"tcp://10.0.0.1:7000", "tcp://10.0.0.2:7000", "tcp://10.0.0.3:7000", "tcp://10.0.0.4:7000"});
  CHECK(naming.terminating == Names_{"tcp://10.0.0.2:7000", "tcp://10.0.0.3:7000"});
}

TEST_CASE("the union of slices names an endpoint once, and as ending only where all of them say so") {
  const std::string ends = R"({"terminating":true})";
  const SliceSet set = set_of(
      list_json("1", slice_json("a", endpoint_json("10.0.0.1", ends) + "," + endpoint_json("10.0.0.2", ends)) + "," +
                         slice_json("b", endpoint_json("10.0.0.1") + "," + endpoint_json("10.0.0.2", ends) + "," +
                                             endpoint_json("10.0.0.1"))));
  CHECK(set.naming("x") ==
        Naming{Naming::Answer::whole, {"tcp://10.0.0.1:7000", "tcp://10.0.0.2:7000"}, {"tcp://10.0.0.2:7000"}, ""});
}

TEST_CASE("addresses are those of IPv4 and IPv6; host names and what is no address are left out") {
  const std::string ports = R"([{"port":7000}])";
  const SliceSet set = set_of(list_json(
      "1",
      slice_json("a", endpoint_json("2001:db8:0::1"), "1", ports, "IPv6") + "," +
          slice_json("b", endpoint_json("engine.example"), "1", ports, "FQDN") + "," +
          slice_json("c",
                     R"({"addresses":["10.0.0.1","10.0.0.2"]},{"addresses":["nothing","10.0.0.3"]},{"addresses":[]})",
                     "1", ports)));
  CHECK(set.naming("x").addresses == Names_{"tcp://10.0.0.1:7000", "tcp://[2001:db8::1]:7000"});
}

TEST_CASE("the port is the number, the name, the only one, or the one called pinnate; else words say what is wrong") {
  const std::string two = R"([{"name":"metrics","port":9090},{"name":"engine","port":7001}])";
  const std::string ours = R"([{"name":"metrics","port":9090},{"name":"pinnate","port":7002}])";
  const std::string udp = R"([{"name":"dns","protocol":"UDP","port":53},{"name":"","port":7003,"protocol":"TCP"}])";
  const auto naming = [](const std::string& ports, const std::string& choice) {
    return set_of(list_json("1", slice_json("s", endpoint_json("10.0.0.1"), "1", ports)),
                  choice.empty() ? PortChoice() : PortChoice::parse(choice))
        .naming("x");
  };
  CHECK(naming(two, "7070").addresses == Names_{"tcp://10.0.0.1:7070"});
  CHECK(naming("null", "7070").addresses == Names_{"tcp://10.0.0.1:7070"});
  CHECK(naming(two, "engine").addresses == Names_{"tcp://10.0.0.1:7001"});
  CHECK(naming(ours, "").addresses == Names_{"tcp://10.0.0.1:7002"});
  CHECK(naming(udp, "").addresses == Names_{"tcp://10.0.0.1:7003"});
  CHECK(naming(two, "") == Naming{Naming::Answer::failed,
                                  {},
                                  {},
                                  "x: slice s has 2 TCP ports and none of them is called 'pinnate': say which"});
  CHECK(naming(two, "grpc") == Naming{Naming::Answer::failed, {}, {}, "x: slice s has no TCP port called 'grpc'"});
  CHECK(naming("null", "") == Naming{Naming::Answer::failed, {}, {}, "x: slice s names no TCP port: say its number"});
  CHECK(naming(R"([{"name":"a","port":70000}])", "").answer == Naming::Answer::failed);
  const SliceSet part = set_of(list_json("1", slice_json("a", endpoint_json("10.0.0.1")) + "," +
                                                  slice_json("b", endpoint_json("10.0.0.2"), "1", "null") + "," +
                                                  slice_json("c", "", "1", "null")));
  CHECK(
      part.naming("x") ==
      Naming{Naming::Answer::incomplete, {"tcp://10.0.0.1:7000"}, {}, "x: slice b names no TCP port: say its number"});
}

TEST_CASE("five thousand endpoints are read fast, and more than can be named are cut and said") {
  std::string slices;
  for (int slice = 0; slice < 50; slice++) {
    std::string endpoints;
    for (int i = 0; i < 100; i++)
      endpoints += (i ? "," : "") +
                   endpoint_json("10.1." + std::to_string(slice) + "." + std::to_string(i),
                                 R"({"ready":true,"serving":true,"terminating":false},"targetRef":{"kind":"Pod",)"
                                 R"("namespace":"edge","name":"engine-7c9f6d5b8-00000"},"nodeName":"n","zone":"z")");
    slices += (slice ? "," : "") + slice_json("s" + std::to_string(slice), endpoints);
  }
  const auto begin = std::chrono::steady_clock::now();
  const Naming naming = set_of(list_json("1", slices)).naming("x");
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  CHECK(naming.addresses.size() == 5000);
  MESSAGE("5,000 endpoints, from JSON to addresses: " << took.count() << " ms");
  CHECK(took.count() < 1000);  // some 10 ms on a quiet machine

  Slice many;
  many.name = "many", many.address_type = "IPv4";
  for (unsigned i = 0; i <= 65536; i++)
    many.endpoints.push_back(
        {{10, static_cast<std::uint8_t>(i >> 16), static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)}});
  SliceSet set;
  set.put(std::move(many), PortChoice::parse("1"));
  CHECK(set.naming("x").addresses.size() == 65536);
  CHECK(set.naming("x").answer == Naming::Answer::incomplete);
  CHECK(set.naming("x").why == "x has 65537 members, of which 65536 are named");
}

TEST_CASE("a set takes no more than it can keep, and has room again when slices go") {
  const auto slice = [](const std::string& name, std::size_t endpoints) {
    return Slice{name, "IPv4", std::vector<SliceEndpoint>(endpoints), {}};
  };
  const PortChoice port = PortChoice::parse("1");
  SliceSet set;
  CHECK(set.put(slice("a", kMostParts - 3), port));
  CHECK(set.put(slice("b", 0), port));
  CHECK(set.put(slice("c", 0), port));
  CHECK_FALSE(set.put(slice("d", 0), port));
  CHECK_FALSE(set.put(slice("c", 1), port));  // in place of the smaller one, which is gone
  CHECK(set.put(slice("d", 0), port));
  set.remove("b"), set.remove("b");
  CHECK(set.put(slice("e", 0), port));
  CHECK_FALSE(set.put(slice("f", 0), port));
}

TEST_CASE("words of a refusal are taken from its Status, whatever that lacks") {
  CHECK(status_message(body_of("list-etcd-stopped")) ==
        "Timeout: request did not complete within the allotted timeout");
  CHECK(status_message(body_of("unauthorized-401")) == "Unauthorized");
  CHECK(status_message(body_of("too-many-requests-429")).empty());
}
