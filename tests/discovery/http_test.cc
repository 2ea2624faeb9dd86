#include "discovery/http/client.h"

#include "discovery/http/backoff.h"
#include "discovery/http/json.h"
#include "discovery/http/lines.h"
#include "discovery/http/no_sigpipe.h"
#include "discovery/http/url.h"
#include "discovery/http_server.h"
#include "threads_of_process.h"

#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <zlib.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

using namespace pinnate;
using namespace pinnate::discovery;

namespace {

struct Got {
  int code = 0;
  std::optional<std::int64_t> retry_after_s;
  std::string body;
  int pieces = 0, ends = 0;
  Status end;
  std::unique_ptr<HttpExchange> exchange;

  HttpAnswer answer() {
    HttpAnswer answer;
    answer.on_headers = [this](int c, std::optional<std::int64_t> after_s) { code = c, retry_after_s = after_s; };
    answer.on_bytes = [this](std::string_view bytes) { body += bytes, pieces++; };
    answer.on_end = [this](Status status) { end = std::move(status), ends++; };
    return answer;
  }
};

struct HttpTalk {
  PolledLoop loop;
  HttpServerUnderTest server{loop};
  std::unique_ptr<HttpClient> client;

  HttpTalk() { client = make({server.url(), "", "", "", ""}); }
  std::unique_ptr<HttpClient> make(HttpServer where, std::unique_ptr<Names> names = nullptr) {
    auto made = HttpClient::make(loop, std::move(where), std::move(names));
    REQUIRE(made.ok());
    return std::move(*made);
  }
  void answer_with(const std::string& bytes) {
    server.on_request([bytes](HttpServerUnderTest::Visit& visit) { visit.send(bytes); });
  }
  void get(Got* got, HttpRequest request = {}) {
    if (request.path.empty()) request.path = "/";
    got->exchange = client->get(std::move(request), got->answer());
  }
  void until_end(Got* got) {
    loop.until([&] { return got->ends == 1; });
  }
};

HttpRequest request_of(const std::string& path) {
  HttpRequest request;
  request.path = path;
  return request;
}

// Answers for every host, and counts.
struct FewNames final : Names {
  FewNames(PolledLoop& loop, std::vector<std::string> a, int* c)
      : addresses(std::move(a)), count(c), timer(loop.timer([this] { answer(); })) {}
  void look_up(const std::string& host, std::function<void(Result<std::vector<std::string>>)> d) override {
    asked = host;
    done = std::move(d);
    ++*count;
    timer->set_in(0);
  }
  void answer() {
    if (addresses.empty()) return done(Status(PINNATE_UNREACHABLE, "nobody knows " + asked));
    done(addresses);
  }
  std::vector<std::string> addresses;
  std::string asked;
  int* count;
  std::function<void(Result<std::vector<std::string>>)> done;
  std::unique_ptr<Timer> timer;
};

std::string gzipped(const std::string& text) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(text.size() + 100, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

bool sigpipe_is_blocked() {
  sigset_t mask;
  pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  return sigismember(&mask, SIGPIPE) == 1;
}

int threads_now() {
  int count = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task"))
    if (!exiting(task.path() / "stat")) count++;
  return count;
}

}  // namespace

TEST_CASE("a request says who asks, and hands on a token, with nothing of the environment") {
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  setenv("all_proxy", "http://127.0.0.1:1", 1);
  HttpTalk talk;
  talk.answer_with(whole_answer("200 OK", "fine", "Set-Cookie: a=b\r\n"));
  Got got, next;
  HttpRequest request = request_of("/a?b=c");
  request.bearer = "secret-token";
  talk.get(&got, request);
  CHECK(got.ends == 0);
  CHECK(talk.server.requests.empty());
  talk.until_end(&got);
  CHECK(got.end.ok());
  CHECK(got.code == 200);
  CHECK(got.body == "fine");
  talk.get(&next, request_of("/next"));
  talk.until_end(&next);
  unsetenv("http_proxy");
  unsetenv("all_proxy");
  const std::string host = talk.server.url().substr(7);
  REQUIRE(talk.server.requests.size() == 2);
  CHECK(talk.server.requests[0] ==
        "GET /a?b=c HTTP/1.1\r\nHost: " + host +
            "\r\nUser-Agent: pinnate\r\nAccept: application/json\r\nAuthorization: Bearer secret-token\r\n");
  CHECK(talk.server.requests[1] ==
        "GET /next HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: pinnate\r\nAccept: application/json\r\n");
  CHECK(talk.server.visits().size() == 1);  // the connection was used again
}

TEST_CASE("an answer comes as it arrives, whatever its code, and is told where it ends") {
  HttpTalk talk;
  talk.answer_with("HTTP/1.1 100 Continue\r\n\r\n" + begin_of_stream() + chunk("one\n"));
  Got got;
  talk.get(&got);
  talk.loop.until([&] { return got.body == "one\n"; });
  CHECK(got.code == 200);
  talk.server.visits().front()->send(chunk("two"));
  talk.loop.until([&] { return got.pieces == 2; });
  talk.server.visits().front()->send(end_of_stream());
  talk.until_end(&got);
  CHECK(got.end.ok());
  CHECK(got.body == "one\ntwo");

  Got busy;
  talk.answer_with(whole_answer("429 Too Many Requests", "later", "Retry-After: 7\r\n"));
  talk.get(&busy);
  talk.until_end(&busy);
  CHECK(busy.end.ok());
  CHECK(busy.code == 429);
  CHECK(busy.retry_after_s == 7);
  CHECK(busy.body == "later");

  Got moved;
  talk.answer_with(whole_answer("302 Found", "", "Location: " + talk.server.url() + "/elsewhere\r\n"));
  talk.get(&moved);
  talk.until_end(&moved);
  CHECK(moved.code == 302);
  CHECK_FALSE(moved.retry_after_s.has_value());
  CHECK(talk.server.requests.size() == 3);
}

TEST_CASE("an answer that was compressed comes plain, and its limit is of what is plain") {
  HttpTalk talk;
  const std::string text(300000, 'a');
  talk.answer_with(whole_answer("200 OK", gzipped(text), "Content-Encoding: gzip\r\n"));
  HttpRequest request = request_of("/");
  request.gzip = true;
  Got got;
  talk.get(&got, request);
  talk.until_end(&got);
  CHECK(got.end.ok());
  CHECK(got.body == text);
  CHECK(talk.server.requests.back().find("\r\nAccept-Encoding: gzip\r\n") != std::string::npos);
  request.body_bytes = 200000;
  Got more;
  talk.get(&more, request);
  talk.until_end(&more);
  CHECK(more.end.code() == PINNATE_TOO_LARGE);
  CHECK(more.end.message() == "the body of the answer passed 200000 bytes");
  CHECK(more.body.size() <= 200000);
}

TEST_CASE("headers without end are refused") {
  HttpTalk talk;
  talk.answer_with("HTTP/1.1 200 OK\r\n" + [] {
    std::string headers;
    for (int i = 0; i < 3000; i++) headers += "X-Header: some twenty bytes\r\n";
    return headers;
  }());
  Got got;
  talk.get(&got);
  talk.until_end(&got);
  CHECK(got.end.message() == "the headers of the answer passed 65536 bytes");
  CHECK(got.code == 0);
}

TEST_CASE("an answer that is cut ends in words, whoever cut it") {
  HttpTalk talk;
  const auto end_of = [&](const std::string& bytes) {
    talk.server.on_request([bytes](HttpServerUnderTest::Visit& visit) {
      visit.send(bytes);
      visit.close_when_sent();
    });
    Got got;
    talk.get(&got);
    talk.until_end(&got);
    CHECK(got.end.code() == PINNATE_UNREACHABLE);
    return got.end.message();
  };
  CHECK(end_of(begin_of_stream() + chunk("whole") + "40\r\ncut") ==
        "transfer closed with outstanding read data remaining");
  CHECK(end_of("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive!") ==
        "transfer closed with 5 bytes remaining to read");
  CHECK(end_of("") == "Empty reply from server");
  CHECK(end_of("SSH-2.0-OpenSSH_9.2\r\n") == "Received HTTP/0.9 when not allowed");
  const std::string url = talk.server.url();
  talk.server.stop();
  Got refused;
  talk.get(&refused);
  talk.until_end(&refused);
  CHECK(refused.end.message() == "cannot connect to the server: Connection refused");

  // A listener that accepts nobody, its queue full: loopback then drops what comes.
  const int full = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  socklen_t size = sizeof address;
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::bind(full, reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(::listen(full, 0) == 0);
  getsockname(full, reinterpret_cast<sockaddr*>(&address), &size);
  std::vector<int> waiting;
  for (int i = 0; i < 4; i++) {
    waiting.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    ::connect(waiting.back(), reinterpret_cast<sockaddr*>(&address), size);
  }
  talk.client = talk.make({"http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)), "", "", "", ""});
  HttpRequest request = request_of("/");
  request.connect_ms = 60;
  Got dropped;
  talk.get(&dropped, request);
  talk.until_end(&dropped);
  CHECK(dropped.end.code() == PINNATE_TIMEOUT);
  CHECK(dropped.end.message() == "cannot connect to the server within 60 ms");
  for (const int fd : waiting) ::close(fd);
  ::close(full);
}

TEST_CASE("silence ends an answer, before its headers and behind them; a byte now and then does not") {
  HttpTalk talk;
  HttpRequest request = request_of("/");
  request.begin_ms = 40;
  request.silence_ms = 60;
  talk.server.on_request([](HttpServerUnderTest::Visit&) {});
  Got mute, stuck, slow;
  talk.get(&mute, request);
  talk.until_end(&mute);
  CHECK(mute.end.code() == PINNATE_TIMEOUT);
  CHECK(mute.end.message() == "the server was silent for 40 ms");
  request.begin_ms = 30000;
  talk.answer_with(begin_of_stream() + chunk("a"));
  talk.get(&stuck, request);
  talk.until_end(&stuck);
  CHECK(stuck.body == "a");
  CHECK(stuck.end.message() == "the server was silent for 60 ms");
  request.silence_ms = 1000;
  talk.get(&slow, request);
  talk.loop.until([&] { return slow.pieces == 1; });
  const std::int64_t begin_ms = talk.loop.monotonic_ms();
  while (talk.loop.monotonic_ms() < begin_ms + 1100) {
    talk.loop.for_ms(100);
    talk.server.visits().back()->send(chunk("b"));
  }
  CHECK(slow.ends == 0);
}

TEST_CASE("whoever ends an exchange hears no more of it, from wherever it is ended") {
  HttpTalk talk;
  talk.answer_with(begin_of_stream() + chunk("a") + chunk("b") + end_of_stream());
  for (const std::string where : {"at once", "headers", "bytes", "end"}) {
    Got got;
    HttpAnswer answer = got.answer();
    const auto ending = [&](auto told) {
      return [&got, told](auto&&... arguments) {
        told(arguments...);
        got.exchange.reset();
      };
    };
    if (where == "headers") answer.on_headers = ending(answer.on_headers);
    if (where == "bytes") answer.on_bytes = ending(answer.on_bytes);
    if (where == "end") answer.on_end = ending(answer.on_end);
    got.exchange = talk.client->get(request_of("/"), std::move(answer));
    if (where == "at once") got.exchange.reset();
    Got other;  // beside it nothing is disturbed
    talk.get(&other);
    talk.until_end(&other);
    talk.loop.for_ms(5);
    CAPTURE(where);
    CHECK(other.end.ok());
    CHECK(got.ends == (where == "end" ? 1 : 0));
    CHECK(got.pieces == (where == "end" ? 2 : where == "bytes" ? 1 : 0));
  }
}

TEST_CASE("the next request may be made from inside the end of one, and the client may go before its exchanges") {
  HttpTalk talk;
  talk.answer_with(whole_answer("200 OK", "x"));
  Got first, second, third;
  HttpAnswer answer = first.answer();
  answer.on_end = [&](Status) { talk.get(&second); };
  first.exchange = talk.client->get(request_of("/"), std::move(answer));
  talk.until_end(&second);
  CHECK(second.body == "x");
  talk.answer_with(begin_of_stream() + chunk("y"));
  talk.get(&third);
  talk.loop.until([&] { return third.body == "y"; });
  talk.client.reset();
  third.exchange.reset();
  CHECK(third.ends == 0);
  talk.loop.until([&] { return talk.server.visits().empty(); });
}

TEST_CASE("a host name is looked up by Names, all its addresses are tried, and no thread is started") {
  HttpTalk talk;
  talk.answer_with(whole_answer("200 OK", "x"));
  const std::string port = talk.server.url().substr(17);
  const int before = threads_now();
  int looked_up = 0;
  const std::vector<std::string> addresses{"127.0.0.9", "::1", "127.0.0.1"};  // two where nobody listens
  talk.client = talk.make({"http://api.pinnate.test:" + port, "", "", "", ""},
                          std::make_unique<FewNames>(talk.loop, addresses, &looked_up));
  for (int i = 1; i <= 2; i++) {
    Got got;
    talk.get(&got);
    talk.until_end(&got);
    CHECK(got.end.message() == "");
    CHECK(got.body == "x");
    CHECK(looked_up == i);
  }
  CHECK(threads_now() == before);
  CHECK(talk.server.requests.back().find("Host: api.pinnate.test:" + port) != std::string::npos);

  talk.client = talk.make({"http://api.pinnate.test", "", "", "", ""},
                          std::make_unique<FewNames>(talk.loop, std::vector<std::string>{}, &looked_up));
  Got unknown, none;
  talk.get(&unknown);
  talk.until_end(&unknown);
  CHECK(unknown.end.message() == "nobody knows api.pinnate.test");
  talk.client = talk.make({"http://api.pinnate.test", "", "", "", ""});
  talk.get(&none);
  talk.until_end(&none);
  CHECK(none.end.message() == "there is nobody to ask for the address of api.pinnate.test");
}

TEST_CASE("SIGPIPE does not come out of libcurl, and the thread's own mask is as before") {
  HttpTalk talk;
  talk.answer_with(whole_answer("200 OK", "x"));
  Got got;
  HttpAnswer answer = got.answer();
  bool blocked = false;
  answer.on_bytes = [&](std::string_view) {
    blocked = sigpipe_is_blocked();
    pthread_kill(pthread_self(), SIGPIPE);  // as OpenSSL's write(2) on a socket that is gone
  };
  got.exchange = talk.client->get(request_of("/"), std::move(answer));
  talk.until_end(&got);  // by default the process would have ended
  CHECK(blocked);
  CHECK_FALSE(sigpipe_is_blocked());
  struct sigaction now {};
  sigaction(SIGPIPE, nullptr, &now);
  const bool by_default = now.sa_handler == SIG_DFL;
  CHECK(by_default);

  sigset_t only, old, pending;  // one that waited before is its owner's
  sigemptyset(&only);
  sigaddset(&only, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &only, &old);
  pthread_kill(pthread_self(), SIGPIPE);
  { const NoSigpipe none; }
  sigpending(&pending);
  CHECK(sigismember(&pending, SIGPIPE) == 1);
  int signal = 0;
  sigwait(&only, &signal);
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
}

TEST_CASE("a UNIX socket is connected to in place of a host") {
  HttpTalk talk;
  const std::string path = "/tmp/pin-http-" + std::to_string(getpid());
  HttpServerUnderTest unix_server(talk.loop, path);
  unix_server.on_request([](HttpServerUnderTest::Visit& visit) { visit.send(whole_answer("200 OK", visit.target())); });
  talk.client = talk.make({"http://docker", path, "", "", ""});
  Got got, gone;
  talk.get(&got, request_of("/v1.40/x"));
  talk.until_end(&got);
  CHECK(got.body == "/v1.40/x");
  unix_server.stop();
  talk.get(&gone);
  talk.until_end(&gone);
  CHECK(gone.end.message() == "cannot connect to the server: No such file or directory");
}

TEST_CASE("a loop that can watch no more sockets ends what is asked for, in words, and the next goes well") {
  struct Blind final : Loop {
    std::int64_t monotonic_ms() const override { return loop.monotonic_ms(); }
    std::uint64_t random() override { return loop.random(); }
    std::unique_ptr<Timer> timer(std::function<void()> ring) override { return loop.timer(std::move(ring)); }
    std::unique_ptr<Watch> watch(int fd, std::function<void(bool, bool)> ready) override {
      return blind ? nullptr : loop.watch(fd, std::move(ready));
    }
    PolledLoop loop;
    bool blind = true;
  } blind;
  HttpServerUnderTest server(blind.loop);
  server.on_request([](HttpServerUnderTest::Visit& visit) { visit.send(whole_answer("200 OK", "x")); });
  auto client = HttpClient::make(blind, {server.url(), "", "", "", ""}, nullptr);
  Got none, fine;
  none.exchange = (*client)->get(request_of("/"), none.answer());
  blind.loop.until([&] { return none.ends == 1; });
  CHECK(none.end.message() == "the system can watch no more sockets");
  blind.blind = false;
  fine.exchange = (*client)->get(request_of("/"), fine.answer());
  blind.loop.until([&] { return fine.ends == 1; });
  CHECK(fine.body == "x");
}

TEST_CASE("a key that wants a passphrase fails at once, and neither terminal nor stdin is asked for it") {
  char folder[] = "/tmp/pin-XXXXXX";
  REQUIRE(mkdtemp(folder));
  const std::string key = std::string(folder) + "/key.pem", certificate = std::string(folder) + "/cert.pem";
  EVP_PKEY* pair = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  X509* self = X509_new();
  X509_gmtime_adj(X509_getm_notBefore(self), 0);
  X509_gmtime_adj(X509_getm_notAfter(self), 3600);
  X509_set_pubkey(self, pair);
  REQUIRE(X509_sign(self, pair, nullptr) > 0);
  char passphrase[] = "pinnate";
  FILE* file = std::fopen(key.c_str(), "w");
  REQUIRE(PEM_write_PKCS8PrivateKey(file, pair, EVP_aes_128_cbc(), passphrase, 7, nullptr, nullptr) == 1);
  std::fclose(file);
  file = std::fopen(certificate.c_str(), "w");
  REQUIRE(PEM_write_X509(file, self) == 1);
  std::fclose(file);
  X509_free(self);
  EVP_PKEY_free(pair);

  int typed[2];  // somebody who would answer
  REQUIRE(pipe(typed) == 0);
  REQUIRE(write(typed[1], "pinnate\n", 8) == 8);
  const int old_stdin = dup(0);
  dup2(typed[0], 0);
  HttpTalk talk;
  talk.client = talk.make({"https" + talk.server.url().substr(4), "", certificate, certificate, key});
  HttpRequest request = request_of("/");
  request.begin_ms = 5000;
  Got got;
  talk.get(&got, request);
  talk.until_end(&got);
  CHECK(got.end.message().find("unable to set private key file") != std::string::npos);
  int unread = 0;
  ioctl(typed[0], FIONREAD, &unread);
  CHECK(unread == 8);
  dup2(old_stdin, 0);
  for (const int fd : {typed[0], typed[1], old_stdin}) close(fd);
  std::system(("rm -r " + std::string(folder)).c_str());
}

TEST_CASE("a server's URL is taken apart, and what is wrong with one is said without its password") {
  const auto url = parse_http_url("https://[2001:db8::1]/k8s/clusters/c-1/");
  REQUIRE(url.ok());
  CHECK(url->base == "https://[2001:db8::1]:443/k8s/clusters/c-1");
  CHECK(url->host == "2001:db8::1");
  CHECK(url->is_ip());
  CHECK(url->secure);
  CHECK(parse_http_url("http://127.9.9.9:1")->is_loopback());
  CHECK_FALSE(parse_http_url("http://api:1")->is_ip());
  CHECK(parse_http_url("https://me:hidden@api").status().message() ==
        "the URL of a server holds no user and no password");
  CHECK(parse_http_url("ftp://api").status().message() == "'ftp://api' begins with neither https:// nor http://");
  CHECK_FALSE(parse_http_url("http://api?x").ok());
  CHECK_FALSE(parse_http_url("http://").ok());
  CHECK_FALSE(parse_http_url("").ok());
  CHECK(url_encoded("a/b=c&\"~") == "a%2Fb%3Dc%26%22~");
}

TEST_CASE("lines are the same however the stream is cut, and none is longer than the limit") {
  const std::string stream = "first\n\nsecond line\nthird\nunfinished";
  for (std::size_t cut = 0; cut <= stream.size(); cut++) {
    Lines lines(16);
    std::vector<std::string> found;
    const auto take = [&](std::string& line) { return found.push_back(line), true; };
    CHECK(lines.feed(std::string_view(stream).substr(0, cut), take));
    CHECK(lines.feed(std::string_view(stream).substr(cut), take));
    CHECK(found == std::vector<std::string>{"first", "second line", "third"});
  }
  Lines lines(4);
  int count = 0;
  const auto take = [&](std::string&) { return ++count < 2; };
  CHECK(lines.feed("1234\n", take));
  CHECK_FALSE(lines.feed("a\nb\n", take));  // it was told to stop
  CHECK(count == 2);
  CHECK_FALSE(Lines(4).feed("12345", take));
}

namespace {

struct TalkativeVisitor final : JsonVisitor {
  bool read_text(std::string text) { return read(text, 1); }
  Place member(Place object, std::string_view key) override {
    return object == 1 ? (key == "list" ? 2 : key == "value" ? 3 : 0) : object == 4 && key == "value" ? 3 : 0;
  }
  Place element(Place array) override { return array == 2 ? 4 : 0; }
  void begin(Place object) override { heard += "{" + std::to_string(object); }
  void end(Place) override { heard += "}"; }
  void text(Place place, std::string_view value) override {
    heard += std::to_string(place) + "'" + std::string(value) + "'";
  }
  void number(Place place, std::uint64_t value) override {
    heard += std::to_string(place) + "#" + std::to_string(value);
  }
  void flag(Place place, bool value) override { heard += std::to_string(place) + (value ? "+" : "-"); }
  std::string heard;
};

}  // namespace

TEST_CASE("JSON is told by place: unknown members, null and values of another kind are passed over") {
  const auto heard = [](const std::string& text) {
    TalkativeVisitor words;
    return words.read_text(text) ? words.heard : "no JSON";
  };
  CHECK(heard(R"({"value":"a\u00e9\n","x":{"value":"not here","list":[{"value":1}]},"list":null})") ==
        "{13'a\xc3\xa9\n'}");
  CHECK(heard(R"({"list":[{"value":7,"x":[[1]]},{},null,8,["value"],{"value":true}],"value":false})") ==
        "{1{43#7}{4}4#8{43+}3-}");
  CHECK(heard(R"({"value":-1,"value":1.5,"value":1e300,"value":18446744073709551615})") == "{13#18446744073709551615}");
  CHECK(heard(R"({"list":{"value":"an object where a list was thought of"},"value":[1,2]})") == "{1{2}}");
  CHECK(heard("[1]") == "");
  CHECK(heard("") == "no JSON");
  CHECK(heard("{\"value\":\"cut") == "no JSON");
  CHECK(heard("{} {}") == "no JSON");
  CHECK(heard(std::string(64, '[') + std::string(64, ']')) == "");
  CHECK(heard(std::string(1000000, '[')) == "no JSON");
}

TEST_CASE("waits grow to their limit, half of each by chance, and begin again") {
  PolledLoop loop;
  Backoff backoff(loop, 200, 1000);
  std::int64_t bound_ms = 200;
  bool varied = false;
  for (int i = 0; i < 20; i++) {
    const std::int64_t in_ms = backoff.next_ms();
    CHECK(in_ms >= bound_ms / 2);
    CHECK(in_ms <= bound_ms);
    varied = varied || in_ms != bound_ms / 2;
    bound_ms = std::min<std::int64_t>(bound_ms * 2, 1000);
  }
  CHECK(varied);
  backoff.reset();
  CHECK(backoff.next_ms() <= 200);
}
