#include "discovery/source/uri.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace pinnate::discovery {
namespace {

template <class Number>
bool parse_number(std::string_view text, Number* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && end == text.data() + text.size();
}

bool among(std::string_view key, std::initializer_list<std::string_view> keys) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

}  // namespace

const std::string* Uri::option(const std::string& key) const {
  const auto found = options.find(key);
  return found == options.end() ? nullptr : &found->second;
}

Status Uri::check_options(std::initializer_list<std::string_view> once,
                          std::initializer_list<std::string_view> many) const {
  for (const auto& [key, value] : options) {
    if (among(key, many)) continue;
    if (!among(key, once)) return wrong("it has no option '" + key + "'");
    if (options.count(key) > 1) return wrong("option '" + key + "' stands twice");
  }
  return {};
}

Status Uri::number(const std::string& key, std::uint64_t least, std::uint64_t most, std::uint64_t* value) const {
  const std::string* given = option(key);
  if (!given) return {};
  std::uint64_t number = 0;
  if (!parse_number(*given, &number) || number < least || number > most)
    return wrong("option '" + key + "' is a number from " + std::to_string(least) + " to " + std::to_string(most));
  *value = number;
  return {};
}

Status Uri::wrong(const std::string& why) const { return {PINNATE_INVALID, "source '" + text + "': " + why}; }

Result<Uri> parse_uri(const std::string& text) {
  Uri uri{text, {}, {}, {}};
  if (text.size() > kUriBytes)
    return {PINNATE_INVALID, "a source of members has at most " + std::to_string(kUriBytes) + " bytes"};
  const bool printable = std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  const std::size_t colon = text.find(':');
  if (!printable || colon == std::string::npos || colon == 0)
    return {PINNATE_INVALID, "'" + text + "' is no source of members; one is dns:NAME:PORT, for example"};
  uri.scheme = text.substr(0, colon);
  const std::size_t question = text.find('?', colon);
  uri.rest = text.substr(colon + 1, question == std::string::npos ? question : question - colon - 1);
  std::string_view left = question == std::string::npos ? std::string_view{} : std::string_view(text).substr(question + 1);
  while (!left.empty()) {
    const std::string_view pair = left.substr(0, left.find('&'));
    left.remove_prefix(std::min(pair.size() + 1, left.size()));
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || equals == 0)
      return uri.wrong("option '" + std::string(pair) + "' is not written KEY=VALUE");
    uri.options.emplace(pair.substr(0, equals), pair.substr(equals + 1));
  }
  return uri;
}

std::uint16_t parse_port(std::string_view text) {
  std::uint16_t port = 0;
  return parse_number(text, &port) ? port : 0;
}

std::string member_address(const std::string& ip, std::uint16_t port) {
  unsigned char bytes[16];
  if (inet_pton(AF_INET, ip.c_str(), bytes) == 1) return "tcp://" + ip + ":" + std::to_string(port);
  if (inet_pton(AF_INET6, ip.c_str(), bytes) != 1) return "";
  char canonical[INET6_ADDRSTRLEN];
  inet_ntop(AF_INET6, bytes, canonical, sizeof canonical);
  return "tcp://[" + std::string(canonical) + "]:" + std::to_string(port);
}

}  // namespace pinnate::discovery
