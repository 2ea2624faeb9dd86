#include "discovery/discovery.h"
#include "discovery/kubernetes_api.h"

#include <doctest/doctest.h>
#include <zlib.h>

#include <cstdlib>
#include <string>
#include <vector>

using namespace pinnate;
using namespace pinnate::discovery;

using Visit = KubernetesApi::Visit;

TEST_CASE("slices are listed, then watched from the list's version, each with the token of the file") {
  KubernetesApi api;
  api.open();
  CHECK(api.said.empty());
  CHECK(api.next() == Naming{Naming::Answer::whole, kListed, {}, ""});
  Visit& watch = api.watch(1);
  const std::string path =
      "/apis/discovery.k8s.io/v1/namespaces/edge/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3Dengines";
  CHECK(api.lists == std::vector<std::string>{path + "&limit=500"});
  const int time_s = std::stoi(KubernetesApi::option(api.watches[0], "timeoutSeconds"));
  CHECK(api.watches[0] ==
        path + "&watch=1&allowWatchBookmarks=true&resourceVersion=215&timeoutSeconds=" + std::to_string(time_s));
  CHECK(time_s >= 140);
  CHECK(time_s <= 165);
  for (const std::string& request : api.server.requests) {
    CHECK(request.find("\r\nAuthorization: Bearer first-secret-token\r\n") != std::string::npos);
    CHECK(request.find("\r\nUser-Agent: pinnate\r\n") != std::string::npos);
  }
  CHECK(api.server.requests[0].find("\r\nAccept-Encoding: gzip\r\n") != std::string::npos);
  CHECK(api.server.requests[1].find("Accept-Encoding") == std::string::npos);
  watch.send(chunk(event_json("ADDED", slice_json("new", endpoint_json("10.1.7.1"), "300"))));
  CHECK(api.next().addresses.size() == 5);
  watch.send(chunk(event_json("MODIFIED", slice_json("engines-b", endpoint_json("10.1.0.2"), "301"))));
  CHECK(api.next().addresses ==
        Named{"tcp://10.1.0.2:7000", "tcp://10.1.1.1:7000", "tcp://10.1.2.1:7000", "tcp://10.1.7.1:7000"});
  watch.send(chunk(event_json("DELETED", slice_json("new", endpoint_json("10.1.7.1"), "302"))));
  CHECK(api.next().addresses.size() == 3);
}

TEST_CASE("times of a watch keep a dead server from being waited for longer than three minutes") {
  const SliceTiming timing;
  CHECK(timing.watch_least_s < timing.watch_most_s);
  CHECK(timing.watch_most_s <= 170);
  CHECK(timing.watch_most_s * 1000 + timing.watch_grace_ms <= 180000);
  CHECK(timing.watch_grace_ms >= 15000);
}

TEST_CASE("Pods that come, are not ready, end and go are seen as a real server told it") {
  KubernetesApi api;
  api.on_list = [](Visit& visit) {
    visit.send(whole_answer("200 OK", list_json("375", slice_json("engines-p5hjd", "", "375", "null"))));
  };
  api.on_watch = [](Visit& visit) { visit.send(recorded_headers("watch-pods-come-ready-terminate-go")); };
  api.open();
  CHECK(api.next().addresses.empty());
  Visit& watch = api.watch(1);
  const std::string one = "tcp://10.5.0.1:7000", two = "tcp://10.5.0.2:7000", three = "tcp://10.5.0.3:7000";
  const std::pair<Named, Named> steps[] = {{{one}, {}},
                                                   {{one, two}, {}},
                                                   {{one, two, three}, {}},
                                                   {{one, two, three}, {}},  // one is not ready
                                                   {{one, two, three}, {two}},
                                                   {{one, two, three}, {two}},
                                                   {{one, three}, {}},
                                                   {{one, three}, {one}},
                                                   {{three}, {}},
                                                   {{three}, {three}},
                                                   {{}, {}}};
  const std::vector<std::string> chunks = recorded_chunks("watch-pods-come-ready-terminate-go");
  REQUIRE(chunks.size() == 11);
  for (std::size_t i = 0; i < chunks.size(); i++) {
    CAPTURE(i);
    const bool differs = i == 0 || steps[i] != steps[i - 1];
    const std::size_t before = api.said.size();
    watch.send(chunk(chunks[i]));
    if (differs) {
      api.next();
    } else {
      api.loop.for_ms(20);
      CHECK(api.said.size() == before);  // nothing new was said
    }
    CHECK(api.said.back().addresses == steps[i].first);
    CHECK(api.said.back().terminating == steps[i].second);
  }
}

TEST_CASE("a whole recorded watch comes to the same wherever it is cut, with its headers and chunks") {
  const std::string answer = recorded_answer("watch-from-zero");
  const std::size_t body = answer.find("\r\n\r\n") + 4;
  for (const std::size_t cut : {std::size_t{1}, body - 2, body, body + 1, body + 5, body + 900, body + 2051,
                                body + 2056, answer.size() - 8, answer.size() - 5, answer.size() - 1}) {
    CAPTURE(cut);
    KubernetesApi api;
    api.on_list = [](Visit& visit) { visit.send(whole_answer("200 OK", list_json("1", ""))); };
    bool first = true;
    api.on_watch = [&](Visit& visit) {
      if (std::exchange(first, false)) visit.send(answer.substr(0, cut));
    };
    api.open();
    CHECK(api.next().addresses.empty());
    Visit& watch = api.watch(1);
    api.loop.for_ms(3);
    watch.send(answer.substr(cut));
    api.loop.until([&] { return api.said.back().addresses == kListed; });
    api.watch(2);  // its end was clean, and the next one goes on from its last version
    CHECK(KubernetesApi::option(api.watches[1], "resourceVersion") == "215");
    CHECK(api.lists.size() == 1);
  }
}

TEST_CASE("events that come together are said together") {
  KubernetesApi api;
  api.open();
  api.next();
  std::string events;
  for (int i = 0; i < 100; i++)
    events += chunk(event_json("MODIFIED", slice_json("engines-a", endpoint_json("10.9.0." + std::to_string(i)))));
  api.watch(1).send(events);
  api.loop.until([&] { return api.said.back().addresses.back() == "tcp://10.9.0.99:7000"; });
  CHECK(api.said.size() < 10);
}

TEST_CASE("an event that says nothing new is not said again") {
  KubernetesApi api;
  api.on_list = [](Visit& visit) { visit.send(whole_answer("200 OK", list_json("1", ""))); };
  api.on_watch = [](Visit& visit) { visit.send(recorded_headers("watch-pods-come-ready-terminate-go-1.20")); };
  api.open();
  api.next();
  for (const std::string& piece : recorded_chunks("watch-pods-come-ready-terminate-go-1.20")) {
    api.watch(1).send(chunk(piece));
    api.loop.for_ms(3);
  }
  api.loop.until([&] { return api.said.size() > 1 && api.said.back().addresses.empty(); });
  for (std::size_t i = 1; i < api.said.size(); i++) CHECK(api.said[i] != api.said[i - 1]);
}

TEST_CASE("a bookmark moves the version, and a clean end is gone on from at once") {
  KubernetesApi api;
  api.timing.backoff_least_ms = api.timing.backoff_most_ms = 20000;  // none is taken
  api.on_watch = [&](Visit& visit) {
    visit.send(api.watches.size() == 1   ? recorded_answer("watch-bookmarks")
               : api.watches.size() == 2 ? recorded_answer("watch-server-shut-down-sigterm")
                                         : begin_of_stream());
  };
  api.open();
  api.watch(3);
  CHECK(KubernetesApi::option(api.watches[1], "resourceVersion") == "2151");
  CHECK(KubernetesApi::option(api.watches[2], "resourceVersion") == "2011");
  CHECK(api.lists.size() == 1);
  CHECK(api.said.size() == 1);
}

TEST_CASE("a watch that is cut in the middle of an object is gone on from the last whole one") {
  KubernetesApi api;
  api.on_watch = [&](Visit& visit) {
    if (api.watches.size() > 1) return visit.send(begin_of_stream());
    const std::string second = event_json("ADDED", slice_json("cut", endpoint_json("10.1.8.1"), "401"));
    visit.send(begin_of_stream() + chunk(event_json("ADDED", slice_json("whole", endpoint_json("10.1.7.1"), "400")) +
                                         second.substr(0, second.size() / 2)));
    visit.close_when_sent();
  };
  api.open();
  api.watch(2);
  CHECK(KubernetesApi::option(api.watches[1], "resourceVersion") == "400");
  api.loop.until([&] { return api.said.back().addresses.size() == 5; });
  CHECK(api.lists.size() == 1);
  for (const Naming& naming : api.said) CHECK(naming.answer == Naming::Answer::whole);
}

TEST_CASE("a watch with nothing in it is tried again after a while, and then it is looked whether that is true") {
  KubernetesApi api;
  api.timing.backoff_least_ms = 60;
  api.timing.backoff_most_ms = 60;
  const std::int64_t begin_ms = api.loop.monotonic_ms();
  api.on_watch = [&](Visit& visit) {
    visit.send(api.watches.size() < 3 ? recorded_answer("watch-timeout-nothing-happens") : begin_of_stream());
  };
  api.open();
  api.watch(3);
  CHECK(api.loop.monotonic_ms() - begin_ms >= 60);  // half of each wait is sure
  CHECK(KubernetesApi::option(api.watches[1], "resourceVersion") == "215");
  CHECK(api.lists.size() == 2);  // the version may be one from the future
  CHECK(api.said.size() == 1);
}

TEST_CASE("silence ends a watch, and what is true is listed") {
  KubernetesApi api;
  api.timing.watch_least_s = api.timing.watch_most_s = 1;
  api.timing.watch_grace_ms = -920;
  api.open();
  api.watch(2);
  CHECK(api.watches[0].find("timeoutSeconds=1") != std::string::npos);
  CHECK(api.lists.size() == 2);
  CHECK(api.said.size() == 1);
  api.watch(2).send(chunk(bookmark_json("500")));  // now it is heard before it is silent
  api.watch(3);
  CHECK(KubernetesApi::option(api.watches[2], "resourceVersion") == "500");
  CHECK(api.lists.size() == 2);
}

TEST_CASE("410 inside a watch that began well makes a new list, and takes nobody away meanwhile") {
  KubernetesApi api;
  api.on_watch = [&](Visit& visit) {
    visit.send(api.watches.size() == 1 ? recorded_answer("watch-expired-410-event") : begin_of_stream());
  };
  api.open();
  api.watch(2);
  CHECK(api.lists.size() == 2);
  CHECK(api.said.size() == 1);
  CHECK(api.said[0].addresses == kListed);
  CHECK(api.logged ==
        "kubernetes:edge/engines: the server no longer keeps the version that was listed; listing anew\n");
  api.watch(2).send(chunk(event_json("DELETED", slice_json("other-1", "", "220"))));
  CHECK(api.next().addresses.size() == 3);
}

TEST_CASE("a list goes on page by page, and begins anew when its token has expired") {
  KubernetesApi api;
  const std::string token = "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MjkxLCJzdGFydCI6Ii9iYXJlXHUwMDAwIn0";
  api.on_list = [&](Visit& visit) {
    switch (api.lists.size()) {
      case 1:
      case 3:
        return visit.send(recorded_answer("list-limit-1-continue"));
      case 2:
        return visit.send(recorded_answer("list-expired-continue-410"));
      case 4:
        return visit.send(
            whole_answer("200 OK", list_json("291", slice_json("b", endpoint_json("10.2.0.1")), "a/b+c=")));
      default:
        return visit.send(whole_answer("200 OK", list_json("291", slice_json("c", endpoint_json("10.3.0.1")))));
    }
  };
  api.open();
  CHECK(api.next() ==
        Naming{Naming::Answer::whole, {"tcp://10.1.9.1:7000", "tcp://10.2.0.1:7000", "tcp://10.3.0.1:7000"}, {}, ""});
  REQUIRE(api.lists.size() == 5);
  CHECK(KubernetesApi::option(api.lists[1], "continue") == token);
  CHECK(KubernetesApi::option(api.lists[2], "continue").empty());
  CHECK(KubernetesApi::option(api.lists[4], "continue") == "a%2Fb%2Bc%3D");
  api.watch(1);
  CHECK(KubernetesApi::option(api.watches[0], "resourceVersion") == "291");
}

TEST_CASE("a list that was compressed is read") {
  KubernetesApi api;
  api.on_list = [](Visit& visit) {
    const std::string text = list_json("7", slice_json("a", endpoint_json("10.2.0.1")));
    std::string packed(1000, '\0');
    z_stream stream{};
    REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) == Z_OK);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    packed.resize(stream.total_out);
    deflateEnd(&stream);
    visit.send(whole_answer("200 OK", packed, "Content-Encoding: gzip\r\n"));
  };
  api.open();
  CHECK(api.next().addresses == Named{"tcp://10.2.0.1:7000"});
}

TEST_CASE("an event of a thousand endpoints is one line; one of over 4 MiB is refused") {
  KubernetesApi api;
  api.timing.down_ms = 1;
  api.open();
  api.next();
  std::string endpoints = endpoint_json("10.9.0.0");
  const std::string more =
      R"({"ready":true},"targetRef":{"kind":"Pod","namespace":"edge","name":"engine-7c9f6d5b8-00000",)"
      R"("uid":"8d1c7c3e-0000-4000-8000-000000000000"},"nodeName":"node-0","zone":"zone-a")";
  for (int i = 1; i < 1000; i++)
    endpoints += "," + endpoint_json("10.9." + std::to_string(i / 256) + "." + std::to_string(i % 256), more);
  const std::string line = event_json("ADDED", slice_json("large", endpoints, "600"));
  CHECK(line.size() > 180000);
  api.watch(1).send(chunk(line));
  CHECK(api.next().addresses.size() == 1004);
  api.watch(1).send(chunk(std::string(5 << 20, 'x')));
  api.loop.until([&] { return api.said.back().answer == Naming::Answer::failed; });
  CHECK(api.failed_words() == "a line of its watch is longer than 4 MiB");
  api.watch(2);
  CHECK(api.lists.size() == 2);
}

TEST_CASE("host names in slices are left out, and that is logged once") {
  KubernetesApi api;
  const std::string names = slice_json("n", endpoint_json("engine.example"), "9", R"([{"port":1}])", "FQDN");
  api.on_list = [&](Visit& visit) { visit.send(whole_answer("200 OK", list_json("1", names))); };
  api.open();
  CHECK(api.next() == Naming{Naming::Answer::whole, {}, {}, "kubernetes:edge/engines has no endpoints"});
  api.watch(1).send(
      chunk(event_json("MODIFIED", names) + event_json("ADDED", slice_json("a", endpoint_json("10.0.0.1")))));
  CHECK(api.next().addresses == Named{"tcp://10.0.0.1:7000"});
  CHECK(api.logged == "kubernetes:edge/engines: slice n holds host names, which are not looked up\n");
}

TEST_CASE("a port that the slices do not name is said, and a number goes without") {
  for (const std::string port : {"grpc", "7070"}) {
    KubernetesApi api;
    api.open(PortChoice::parse(port));
    api.next();
    if (port == "7070") CHECK(api.said.back().addresses.front() == "tcp://10.1.0.1:7070");
    if (port == "grpc")
      CHECK(api.said.back().why == "kubernetes:edge/engines: slice engines-a has no TCP port called 'grpc'");
    if (port == "grpc") CHECK(api.said.back().answer == Naming::Answer::failed);
  }
}

TEST_CASE("a source may be closed at any moment") {
  for (int turns = 0; turns < 30; turns++) {
    KubernetesApi api;
    api.on_watch = [&](Visit& visit) { visit.send(recorded_answer("watch-expired-410-event")); };
    api.open();
    for (int i = 0; i < turns; i++) api.loop.turn(1);
    api.source.reset();
    const std::size_t said = api.said.size();
    for (int i = 0; i < 3; i++) api.loop.turn(1);
    CHECK(api.said.size() == said);
  }
}

TEST_CASE("what is wrong with a URI of Kubernetes is said in words") {
  PolledLoop loop;
  const auto words = [&](const std::string& uri) {
    auto opened = open_source(uri, loop, {}, [](Naming) {});
    return opened.ok() ? "" : opened.status().message().substr(("source '" + uri + "': ").size());
  };
  const std::string server = "?server=http://127.0.0.1:1";
  CHECK(words("kubernetes:edge" + server) == "it is written kubernetes:NAMESPACE/SERVICE[:PORT]");
  CHECK(words("kubernetes:edge:1/x" + server) == "it is written kubernetes:NAMESPACE/SERVICE[:PORT]");
  CHECK(words("kubernetes:/x" + server) == "'' is no name of a namespace or a Service");
  CHECK(words("kubernetes:edge/a&b" + server) == "'a&b' is no name of a namespace or a Service");
  CHECK(words("kubernetes:edge/../x" + server) == "'../x' is no name of a namespace or a Service");
  CHECK(words("kubernetes:edge/x:70000" + server) == "'70000' is neither the number nor the name of a port");
  CHECK(words("kubernetes:edge/x:" + server) == "'' is neither the number nor the name of a port");
  CHECK(words("kubernetes:edge/x" + server + "&a=b") == "it has no option 'a'");
  CHECK(words("kubernetes:edge/x" + server + "&token=token") == "option 'token' is a path that begins with '/'");
  CHECK(words("kubernetes:edge/x" + server + "&cert=/c") == "options 'cert' and 'key' belong together");
  CHECK(words("kubernetes:edge/x?server=http://api:1&token=/t") == "a token is sent by https, or to 127.0.0.1");
  CHECK(words("kubernetes:edge/x?server=https://u:p@api") == "the URL of a server holds no user and no password");
  CHECK(words("kubernetes:edge/x:engine" + server) == "");
  unsetenv("KUBERNETES_SERVICE_HOST");
  CHECK(words("kubernetes:edge/x") ==
        "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set, so this is no Pod: say server=");
}

TEST_CASE("a Pod finds its API server and its token where Kubernetes puts them") {
  setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
  setenv("KUBERNETES_SERVICE_PORT", "443", 1);
  const auto access = find_access(*parse_uri("kubernetes:edge/engines:7070?ca=/own/ca.pem"));
  unsetenv("KUBERNETES_SERVICE_HOST");
  unsetenv("KUBERNETES_SERVICE_PORT");
  REQUIRE(access.ok());
  CHECK(access->server.url == "https://[fd00::1]:443");
  CHECK(access->server.ca_file == "/own/ca.pem");
  CHECK(access->token_file == "/var/run/secrets/kubernetes.io/serviceaccount/token");
  CHECK(access->server.certificate_file.empty());
}
