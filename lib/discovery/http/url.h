// Where an HTTP server is, as http://HOST[:PORT][/PATH] or https://...
#pragma once

#include "base/status.h"

#include <string>

namespace pinnate::discovery {

struct HttpUrl {
  std::string base;  // the URL without a '/' at its end, to put a path behind
  std::string host;  // an IPv6 address without brackets
  std::string port;  // the scheme's own where none is written
  bool secure = false;

  bool is_ip() const;  // the host is an address
  bool is_loopback() const;  // ... of this machine
};

// PINNATE_INVALID, without the URL's text in the words where that may hold a password.
Result<HttpUrl> parse_http_url(const std::string& text);
// Text as a part of a path or query: all but letters, digits and -._~ as %XX.
std::string url_encoded(const std::string& text);

}  // namespace pinnate::discovery
