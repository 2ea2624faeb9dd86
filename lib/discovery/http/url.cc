#include "discovery/http/url.h"

#include <arpa/inet.h>
#include <curl/curl.h>

#include <memory>
#include <string_view>

namespace pinnate::discovery {
namespace {

struct Url {
  CURLU* url = curl_url();
  ~Url() { curl_url_cleanup(url); }
  std::string part(CURLUPart which, unsigned flags = 0) const {  // "" where it has none
    char* text = nullptr;
    if (curl_url_get(url, which, &text, flags) != CURLUE_OK) return "";
    const std::unique_ptr<char, decltype(&curl_free)> owned(text, curl_free);
    return text;
  }
};

}  // namespace

bool HttpUrl::is_ip() const {
  unsigned char bytes[16];
  return inet_pton(AF_INET, host.c_str(), bytes) == 1 || inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

bool HttpUrl::is_loopback() const {
  unsigned char bytes[16];
  return host == "::1" || (inet_pton(AF_INET, host.c_str(), bytes) == 1 && bytes[0] == 127);
}

Result<HttpUrl> parse_http_url(const std::string& text) {
  const Url url;
  if (!url.url) return no_memory();
  if (curl_url_set(url.url, CURLUPART_URL, text.c_str(), 0) != CURLUE_OK)
    return {PINNATE_INVALID, "the URL of a server is written https://HOST:PORT"};
  if (!url.part(CURLUPART_USER).empty() || !url.part(CURLUPART_PASSWORD).empty())
    return {PINNATE_INVALID, "the URL of a server holds no user and no password"};
  const std::string scheme = url.part(CURLUPART_SCHEME);
  if (scheme != "https" && scheme != "http")
    return {PINNATE_INVALID, "'" + text + "' begins with neither https:// nor http://"};
  if (!url.part(CURLUPART_QUERY).empty() || !url.part(CURLUPART_FRAGMENT).empty())
    return {PINNATE_INVALID, "'" + text + "' has more than a host, a port and a path"};
  HttpUrl found;
  found.secure = scheme == "https";
  found.host = url.part(CURLUPART_HOST);
  found.port = url.part(CURLUPART_PORT, CURLU_DEFAULT_PORT);
  found.base = scheme + "://" + found.host + ":" + found.port + url.part(CURLUPART_PATH);
  while (found.base.back() == '/') found.base.pop_back();
  if (found.host.front() == '[') found.host = found.host.substr(1, found.host.size() - 2);
  return found;
}

std::string url_encoded(const std::string& text) {
  constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (kPlain.find(c) != std::string_view::npos) {
      encoded += c;
    } else {
      encoded += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return encoded;
}

}  // namespace pinnate::discovery
