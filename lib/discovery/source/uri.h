// A source's URI, taken apart: SCHEME:REST?KEY=VALUE&KEY=VALUE.
#pragma once

#include "base/status.h"

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

namespace pinnate::discovery {

inline constexpr std::size_t kUriBytes = 2048;

struct Uri {
  std::string text, scheme, rest;
  std::multimap<std::string, std::string> options;  // as written: nothing is decoded

  const std::string* option(const std::string& key) const;  // the only one of this key, or null
  // PINNATE_INVALID names an option that is not among these, or stands twice and may not.
  Status check_options(std::initializer_list<std::string_view> once, std::initializer_list<std::string_view> many = {}) const;
  // The option as a number in that range; `value` stays where there is none.
  Status number(const std::string& key, std::uint64_t least, std::uint64_t most, std::uint64_t* value) const;
  Status wrong(const std::string& why) const;  // PINNATE_INVALID with the URI in words
};

// PINNATE_INVALID: too long, no scheme, an option without '='.
Result<Uri> parse_uri(const std::string& text);
// From 1 to 65535, or 0 where it is none.
std::uint16_t parse_port(std::string_view text);
// tcp://HOST:PORT for an IP address as text, IPv6 in brackets; "" where `ip` is none.
std::string member_address(const std::string& ip, std::uint16_t port);

}  // namespace pinnate::discovery
