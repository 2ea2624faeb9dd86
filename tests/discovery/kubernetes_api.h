// A stand-in for a Kubernetes API server: lists and watches are answered as a test says, with
// recorded bytes or made ones. No text that a source says or logs may hold the token.
//
// recorded/kubernetes/ holds answers of kube-apiserver 1.36.2 as they came out of TLS, taken on
// 2026-11-29; those with 1.20 in their names are of 1.20.2.
#pragma once

#include "discovery/http_server.h"
#include "discovery/kubernetes/slice_watch.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace pinnate::discovery {

// An answer of a real server: headers and, as they came, length or chunks.
inline std::string recorded_answer(const std::string& name) {
  std::ifstream file(PINNATE_TEST_RECORDED "/kubernetes/" + name + ".http", std::ios::binary);
  REQUIRE_MESSAGE(file.good(), name);
  return {std::istreambuf_iterator<char>(file), {}};
}
inline std::string recorded_headers(const std::string& name) {
  const std::string answer = recorded_answer(name);
  return answer.substr(0, answer.find("\r\n\r\n") + 4);
}
// What the chunks of a recorded watch hold.
inline std::vector<std::string> recorded_chunks(const std::string& name) {
  const std::string answer = recorded_answer(name);
  std::vector<std::string> chunks;
  std::size_t at = answer.find("\r\n\r\n") + 4;
  while (at < answer.size()) {
    const std::size_t size = std::stoul(answer.substr(at, answer.find("\r\n", at) - at), nullptr, 16);
    at = answer.find("\r\n", at) + 2;
    if (size > 0) chunks.push_back(answer.substr(at, size));
    at += size + 2;
  }
  return chunks;
}
inline std::string recorded_stream(const std::string& name) {
  std::string stream;
  for (const std::string& piece : recorded_chunks(name)) stream += piece;
  return stream;
}

using Named = std::vector<std::string>;

// What recorded/kubernetes/list.http holds.
inline const Named kListed{"tcp://10.1.0.1:7000", "tcp://10.1.0.2:7000", "tcp://10.1.1.1:7000", "tcp://10.1.2.1:7000"};

// Texts as the API server writes them.
inline std::string endpoint_json(const std::string& ip, const std::string& conditions = R"({"ready":true})") {
  return R"({"addresses":[")" + ip + R"("],"conditions":)" + conditions + "}";
}
inline std::string slice_json(const std::string& name, const std::string& endpoints, const std::string& version = "1",
                              const std::string& ports = R"([{"name":"engine","protocol":"TCP","port":7000}])",
                              const std::string& type = "IPv4") {
  return R"({"metadata":{"name":")" + name + R"(","namespace":"edge","resourceVersion":")" + version +
         R"("},"addressType":")" + type + R"(","endpoints":[)" + endpoints + R"(],"ports":)" + ports + "}";
}
inline std::string list_json(const std::string& version, const std::string& slices, const std::string& next = "") {
  return R"({"kind":"EndpointSliceList","apiVersion":"discovery.k8s.io/v1","metadata":{"resourceVersion":")" + version +
         (next.empty() ? "" : R"(","continue":")" + next) + R"("},"items":[)" + slices + "]}";
}
inline std::string event_json(const std::string& type, const std::string& slice) {
  return R"({"type":")" + type + R"(","object":)" + slice + "}\n";
}
inline std::string bookmark_json(const std::string& version) {
  return R"({"type":"BOOKMARK","object":{"kind":"EndpointSlice","metadata":{"resourceVersion":")" + version + "\"}}}\n";
}

class KubernetesApi {
 public:
  using Visit = HttpServerUnderTest::Visit;

  KubernetesApi() {
    REQUIRE(mkdtemp(folder_));
    write_token("first-secret-token\n");
    server.on_request([this](Visit& visit) {
      const bool is_watch = visit.target().find("&watch=1") != std::string::npos;
      (is_watch ? watches : lists).push_back(visit.target());
      (is_watch ? on_watch : on_list)(visit);
    });
    // In tests nobody waits for long.
    timing.backoff_least_ms = 10;
    timing.backoff_most_ms = 40;
    timing.relist_within_ms = 10;
    timing.down_ms = 60000;  // but for this, where it is not what a test is about
    timing.watch_again_ms = 5;
  }
  ~KubernetesApi() {
    source.reset();
    for (const Naming& naming : said)
      for (const std::string& token : tokens_) {
        CHECK(naming.why.find(token) == std::string::npos);
        for (const std::string& address : naming.addresses) CHECK(address.find(token) == std::string::npos);
      }
    for (const std::string& token : tokens_) CHECK(logged.find(token) == std::string::npos);
    std::system(("rm -r " + std::string(folder_)).c_str());
  }

  void open(const PortChoice& port = {}) {
    Access access;
    access.server.url = server.url();
    access.token_file = token_file();
    Log log;
    log.arg = this;
    log.write = [](void* arg, pinnate_log_level, const char* line) {
      static_cast<KubernetesApi*>(arg)->logged += std::string(line) + "\n";
    };
    auto opened = watch_slices(
        loop, log, [this](Naming naming) { said.push_back(std::move(naming)); }, {"edge", "engines", port}, access,
        timing);
    REQUIRE(opened.ok());
    source = std::move(*opened);
  }

  void write_token(const std::string& text) {
    std::string token = text;
    token.erase(token.find_last_not_of(" \r\n") + 1);
    if (!token.empty()) tokens_.push_back(token);
    std::ofstream(token_file()) << text;
  }
  std::string token_file() const { return std::string(folder_) + "/token"; }
  void remove_token() { ::unlink(token_file().c_str()); }

  const Naming& next() {
    const std::size_t before = said.size();
    loop.until([&] { return said.size() > before; });
    return said.back();
  }
  // That of the last naming, a failure, without the words that say whose it is.
  std::string failed_words() const {
    REQUIRE(!said.empty());
    const Naming& last = said.back();
    CHECK(last.answer == Naming::Answer::failed);
    CHECK(last.addresses.empty());
    const std::string who = "kubernetes:edge/engines at " + server.url() + ": ";
    CHECK(last.why.starts_with(who));
    return last.why.substr(std::min(who.size(), last.why.size()));
  }
  // The watch that runs, once there are so many.
  Visit& watch(std::size_t number) {
    loop.until([&] { return watches.size() >= number && !server.visits().empty(); });
    return *server.visits().back();
  }
  static std::string option(const std::string& target, const std::string& key) {
    const std::size_t at = target.find(key + "=");
    return at == std::string::npos ? ""
                                   : target.substr(at + key.size() + 1, target.find('&', at) - at - key.size() - 1);
  }

  PolledLoop loop;
  HttpServerUnderTest server{loop};
  SliceTiming timing;
  std::vector<std::string> lists, watches;  // what was asked for
  std::function<void(Visit&)> on_list = [](Visit& visit) { visit.send(recorded_answer("list")); };
  std::function<void(Visit&)> on_watch = [](Visit& visit) { visit.send(begin_of_stream()); };
  std::vector<Naming> said;
  std::string logged;
  std::unique_ptr<Source> source;

 private:
  char folder_[32] = "/tmp/pin-XXXXXX";
  std::vector<std::string> tokens_;
};

}  // namespace pinnate::discovery
