// An API server that refuses, fails, or is away.
#include "discovery/kubernetes_api.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

using namespace pinnate;
using namespace pinnate::discovery;

using Visit = KubernetesApi::Visit;

TEST_CASE("a server that takes a watch and does not begin it is left sooner than one that is quiet") {
  KubernetesApi api;
  api.timing.answer_ms = 60;
  api.timing.down_ms = 20;
  api.on_watch = [&](Visit& visit) {
    if (api.said.size() > 2) visit.send(begin_of_stream());
  };
  api.open();
  CHECK(api.next().addresses == kListed);
  api.next();
  CHECK(api.failed_words() == "its watch has not begun");
  api.next();
  CHECK(api.failed_words() == "the server was silent for 60 ms");
  CHECK(api.next().addresses == kListed);
  CHECK(api.lists.size() == 1);
}

TEST_CASE("other errors inside a watch are waited out with a backoff, and the list begins again") {
  KubernetesApi api;
  api.timing.down_ms = 60;
  bool fail = true;
  api.on_watch = [&](Visit& visit) {
    visit.send(begin_of_stream());
    if (fail)
      visit.send(chunk(R"({"type":"ERROR","object":{"kind":"Status","message":"etcdserver: no leader","code":500}})"
                       "\n"));
  };
  api.open();
  api.watch(8);
  fail = false;
  api.loop.until([&] { return api.said.back().answer == Naming::Answer::whole; });
  api.loop.for_ms(30);
  CHECK(api.said.back().addresses == kListed);
  CHECK(api.lists.size() <= 12);
}

TEST_CASE("a list that does not end is given up in words") {
  KubernetesApi api;
  api.on_list = [](Visit& visit) { visit.send(whole_answer("200 OK", list_json("1", "", "again"))); };
  api.open();
  api.next();
  CHECK(api.failed_words() == "its list does not end");
  CHECK(api.lists.size() == 1000);
}

TEST_CASE("more slices than can be kept are given up in words, listed or watched") {
  KubernetesApi api;
  api.timing.down_ms = 1;
  std::string endpoints;
  for (int i = 0; i < 60000; i++) endpoints += (i ? "," : "") + endpoint_json("10.2.0.1", "{}");
  api.on_list = [&](Visit& visit) {
    const std::string name = std::to_string(api.lists.size());
    visit.send(whole_answer("200 OK", list_json("1", slice_json(name, endpoints), "again")));
  };
  api.open();
  api.next();
  CHECK(api.failed_words() == "it has more slices and endpoints than are kept");
  CHECK(api.lists.size() == 5);
  api.on_list = [&](Visit& visit) { visit.send(whole_answer("200 OK", list_json("1", slice_json("a", endpoints)))); };
  api.loop.until([&] { return api.said.back().answer == Naming::Answer::whole; });
  for (int i = 0; i < 4; i++)
    api.watch(1).send(chunk(event_json("ADDED", slice_json("more-" + std::to_string(i), endpoints))));
  api.loop.until([&] { return api.said.back().why.ends_with(": it has more slices and endpoints than are kept"); });
  CHECK(api.said.back().answer == Naming::Answer::failed);
}

TEST_CASE("Retry-After is obeyed, up to a limit") {
  KubernetesApi api;
  std::vector<std::int64_t> at_ms;
  api.on_list = [&](Visit& visit) {
    at_ms.push_back(api.loop.monotonic_ms());
    if (at_ms.size() == 1) return visit.send(recorded_answer("too-many-requests-429"));
    if (at_ms.size() == 2) return visit.send(whole_answer("503 Service Unavailable", "", "Retry-After: 86400\r\n"));
    visit.send(recorded_answer("list"));
  };
  api.timing.retry_after_most_s = 1;
  api.open();
  api.next();
  CHECK(api.failed_words() == "the server has too much to do (429)");
  api.next();
  CHECK(api.failed_words() == "the server answered 503");
  CHECK(api.next().addresses == kListed);
  CHECK(at_ms[1] - at_ms[0] >= 990);
  CHECK(at_ms[2] - at_ms[1] >= 990);
  CHECK(SliceTiming().retry_after_most_s == 60);
}

TEST_CASE("a list that is refused says why by the code, and is tried again") {
  KubernetesApi api;
  std::string answer;
  api.on_list = [&](Visit& visit) { visit.send(answer); };
  const std::pair<std::string, std::string> refusals[] = {
      {recorded_answer("forbidden-403"),
       "it is not allowed to list endpointslices in the namespace edge (403): endpointslices.discovery.k8s.io is "
       "forbidden: User "
       "\"nobody\" cannot list resource \"endpointslices\" in API group \"discovery.k8s.io\" in the namespace "
       "\"edge\""},
      {recorded_answer("no-such-version-404"),
       "the server has no endpointslices of discovery.k8s.io/v1 (404): the server could not find the requested "
       "resource"},
      {whole_answer("404 Not Found", "404 page not found\n"),
       "the server has no endpointslices of discovery.k8s.io/v1 (404)"},
      {recorded_answer("list-etcd-stopped"),
       "the server answered 504: Timeout: request did not complete within the allotted timeout"},
      {recorded_answer("watch-bad-resourceversion-500"),
       "the server answered 500: resourceVersion: Invalid value: \"abc\": strconv.ParseUint: parsing \"abc\": invalid "
       "syntax"},
      {whole_answer("502 Bad Gateway", "<html>nginx</html>"), "the server answered 502"},
      {whole_answer("200 OK", "<html>log in</html>"), "what it answered is no list of EndpointSlices"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 900\r\nConnection: close\r\n\r\n{", ""}};
  bool opened = false;
  for (const auto& [bytes, words] : refusals) {
    answer = bytes;
    if (!std::exchange(opened, true)) api.open();
    if (words.empty()) break;
    api.next();
    CHECK(api.failed_words() == words);
  }
  api.server.on_request([&](Visit& visit) {
    visit.send(answer);
    visit.close_when_sent();
  });
  api.next();
  CHECK(api.failed_words().find("899 bytes remaining") != std::string::npos);
  api.server.on_request([&](Visit& visit) { visit.send(recorded_answer("list")); });
  CHECK(api.next().addresses == kListed);
}

TEST_CASE(
    "a list that is never answered fails, and a server that says what its client sent does not get the token said") {
  KubernetesApi api;
  api.timing.answer_ms = 50;
  api.on_list = [&](Visit& visit) {
    if (api.lists.size() > 1)
      visit.send(whole_answer("500 Internal Server Error", R"({"message":")" + visit.header("Authorization") + "\"}"));
  };
  api.open();
  api.next();
  CHECK(api.failed_words() == "the server was silent for 50 ms");
  api.next();
  CHECK(api.failed_words() == "the server answered 500");
}

TEST_CASE("an expired token is said, and the one that then stands in the file is taken") {
  KubernetesApi api;
  std::string good = "second-secret-token";
  const auto by_token = [&](Visit& visit, const std::string& answer) {
    visit.send(visit.header("Authorization") == "Bearer " + good ? answer : recorded_answer("unauthorized-401"));
  };
  api.on_list = [&](Visit& visit) { by_token(visit, recorded_answer("list")); };
  api.on_watch = [&](Visit& visit) { by_token(visit, begin_of_stream()); };
  api.open();
  api.next();
  CHECK(api.failed_words() == "the server does not know who asks (401): Unauthorized");
  api.write_token("second-secret-token");
  CHECK(api.next().addresses == kListed);
  Visit& watch = api.watch(1);

  // It goes bad while a watch runs, which nobody notices before the next.
  good = "third-secret-token";
  watch.send(chunk(event_json("DELETED", slice_json("other-1", "", "220"))));
  CHECK(api.next().addresses.size() == 3);
  watch.send(end_of_stream());
  api.next();
  CHECK(api.failed_words() == "the server does not know who asks (401): Unauthorized");
  api.write_token("third-secret-token\r\n");
  CHECK(api.next().addresses.size() == 3);
  CHECK(api.lists.size() > 1);
  CHECK(KubernetesApi::option(api.watches.back(), "resourceVersion") == "220");
}

TEST_CASE("a token file that holds no token is said, and nothing is sent without one") {
  KubernetesApi api;
  api.write_token("");
  api.open();
  api.next();
  CHECK(api.failed_words() == "the token file " + api.token_file() + " is empty");
  api.write_token("two\nlines-of-a-secret");
  api.next();
  CHECK(api.failed_words() == "what is in the token file " + api.token_file() + " is no token");
  api.remove_token();
  api.next();
  CHECK(api.failed_words() == "cannot read " + api.token_file() + ": No such file or directory");
  CHECK(api.server.requests.empty());
  api.write_token("fourth-secret-token");
  CHECK(api.next().addresses == kListed);
}

TEST_CASE("whoever may list but not watch is told so, and nobody is taken away") {
  KubernetesApi api;
  bool allowed = false;
  api.on_watch = [&](Visit& visit) {
    visit.send(allowed ? begin_of_stream() : recorded_answer("watch-forbidden-403"));
  };
  api.open();
  CHECK(api.next().addresses == kListed);
  api.next();
  CHECK(api.failed_words().find("it is not allowed to watch endpointslices in the namespace edge (403): ") == 0);
  api.watch(6);
  CHECK(api.said.size() == 2);  // it does not waver
  CHECK(api.lists.size() == 1);
  allowed = true;
  CHECK(api.next().addresses == kListed);
}

TEST_CASE("a watch that the server cannot do for its version is listed anew") {
  KubernetesApi api;
  api.on_watch = [&](Visit& visit) {
    visit.send(api.watches.size() < 3 ? recorded_answer("watch-bad-resourceversion-500") : begin_of_stream());
  };
  api.open();
  api.watch(3);
  CHECK(api.lists.size() == 2);
}

TEST_CASE("a server that is away for a moment is not spoken of; for longer it is, until it is back") {
  KubernetesApi api;
  api.timing.down_ms = 200;
  api.open();
  api.watch(1);
  api.server.stop();
  api.loop.for_ms(60);
  api.server.listen();
  api.watch(2).send(chunk(bookmark_json("216")));
  api.loop.for_ms(10);
  CHECK(api.said.size() == 1);
  api.server.stop();
  const std::int64_t begin_ms = api.loop.monotonic_ms();
  api.next();
  CHECK(api.loop.monotonic_ms() - begin_ms >= 190);
  CHECK(api.failed_words() == "cannot connect to the server: Connection refused");
  api.loop.for_ms(100);
  CHECK(api.said.size() == 2);
  api.server.listen();
  CHECK(api.next().addresses == kListed);
  CHECK(api.lists.size() == 1);
}
