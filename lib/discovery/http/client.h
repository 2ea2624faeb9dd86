// GET requests to one HTTP server, through libcurl, on a source's loop. Answers come as they
// arrive. No thread is started and no signal raised; no proxy, netrc, cookie or setting of the
// environment is looked at, and no redirect followed. HTTP/1.1, over TLS 1.2 or newer where the URL
// says https.
#pragma once

#include "base/status.h"
#include "discovery/dns/names.h"
#include "discovery/source/loop.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace pinnate::discovery {

struct HttpServer {
  std::string url;  // see url.h
  std::string unix_socket;  // the path to connect to in place of the URL's host; "": the host
  std::string ca_file;  // PEM, as the others; "": the system's authorities are trusted
  std::string certificate_file, key_file;  // who is asking; "": no certificate
};

struct HttpRequest {
  std::string path;  // with its query; begins with '/'
  std::string bearer;  // a token; never in any words. "": none
  bool gzip = false;  // take the answer compressed; on_bytes gets it plain
  std::int64_t connect_ms = 10000;  // to connect, TLS included
  std::int64_t begin_ms = 30000;  // without a byte, until the headers are there
  std::int64_t silence_ms = 30000;  // ... and behind them
  std::size_t header_bytes = 64 * 1024;
  std::size_t body_bytes = SIZE_MAX;  // when plain
};

// All are called on the loop's thread and never from inside get(). Each may end its exchange.
struct HttpAnswer {
  std::function<void(int code, std::optional<std::int64_t> retry_after_s)> on_headers;
  std::function<void(std::string_view bytes)> on_bytes;
  // The last. Whole by the rules of HTTP, or why not: PINNATE_TOO_LARGE, PINNATE_TIMEOUT,
  // PINNATE_UNREACHABLE.
  std::function<void(Status)> on_end;
};

class HttpExchange {
 public:
  virtual ~HttpExchange() = default;  // ends it: nothing is called any more
};

class HttpClient {
 public:
  virtual ~HttpClient() = default;  // not from inside what an answer calls
  // PINNATE_INVALID: the server's URL is none. Without `names` its host has to be an IP address,
  // or a UNIX socket.
  static Result<std::unique_ptr<HttpClient>> make(Loop& loop, HttpServer server, std::unique_ptr<Names> names);
  // Connections are kept for the next request.
  virtual std::unique_ptr<HttpExchange> get(HttpRequest request, HttpAnswer answer) = 0;
};

}  // namespace pinnate::discovery
