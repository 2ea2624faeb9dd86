#include "discovery/dns/dns.h"

#include "discovery/dns/host_name.h"
#include "discovery/dns/polled.h"
#include "discovery/source/listed.h"

#include <arpa/inet.h>

#include <algorithm>
#include <string_view>

namespace pinnate::discovery {
namespace {

constexpr std::uint64_t kLeastIntervalMs = 100, kMostIntervalMs = 86400000;

bool is_ip(int family, const std::string& text) {
  unsigned char bytes[16];
  return inet_pton(family, text.c_str(), bytes) == 1;
}

// HOST, HOST:PORT, [IPV6] or [IPV6]:PORT; an IPv6 address needs no brackets where no port follows.
// What HOST is, is not looked at. In words what is wrong, or "".
std::string split_port(const std::string& text, std::string* host, std::uint16_t* port) {
  std::size_t colon = is_ip(AF_INET6, text) ? std::string::npos : text.rfind(':');
  *host = text.substr(0, colon);
  if (!text.empty() && text[0] == '[') {
    const std::size_t bracket = text.find(']');
    *host = text.substr(1, bracket == std::string::npos ? bracket : bracket - 1);
    if (bracket == std::string::npos || !is_ip(AF_INET6, *host)) return "'" + text + "' is no IPv6 address in brackets";
    colon = bracket + 1 == text.size() ? std::string::npos : bracket + 1;
    if (colon != std::string::npos && text[colon] != ':') return "after ']' comes nothing or ':PORT'";
  }
  if (colon == std::string::npos) return "";
  *port = parse_port(std::string_view(text).substr(colon + 1));
  return *port == 0 ? "a port is a number from 1 to 65535" : "";
}

Status read_asking(const Uri& uri, Asking* asking) {
  std::uint64_t timeout_ms = static_cast<std::uint64_t>(asking->timeout_ms),
                tries = static_cast<std::uint64_t>(asking->tries);
  if (Status s = uri.number("timeout_ms", 10, 60000, &timeout_ms); !s.ok()) return s;
  if (Status s = uri.number("tries", 1, 10, &tries); !s.ok()) return s;
  asking->timeout_ms = static_cast<int>(timeout_ms);
  asking->tries = static_cast<int>(tries);
  if (const std::string* family = uri.option("family")) {
    if (*family != "4" && *family != "6") return uri.wrong("option 'family' is 4 or 6");
    asking->ipv4 = *family == "4";
    asking->ipv6 = *family == "6";
  }
  const auto [first, last] = uri.options.equal_range("server");
  for (auto given = first; given != last; ++given) {
    NameServer server;
    if (const std::string wrong = split_port(given->second, &server.ip, &server.port); !wrong.empty())
      return uri.wrong("option 'server': " + wrong);
    if (!is_ip(AF_INET, server.ip) && !is_ip(AF_INET6, server.ip))
      return uri.wrong("option 'server': '" + server.ip + "' is no IP address");
    asking->servers.push_back(std::move(server));
  }
  return {};
}

// One limit that is given moves the default of the other out of its way.
Status read_interval(const Uri& uri, Interval* interval) {
  const Interval defaults;
  std::uint64_t min_ms = 0, max_ms = 0;
  if (Status s = uri.number("min_ms", kLeastIntervalMs, kMostIntervalMs, &min_ms); !s.ok()) return s;
  if (Status s = uri.number("max_ms", kLeastIntervalMs, kMostIntervalMs, &max_ms); !s.ok()) return s;
  if (min_ms != 0 && max_ms != 0 && min_ms > max_ms) return uri.wrong("option 'min_ms' is more than 'max_ms'");
  interval->min_ms = static_cast<std::int64_t>(min_ms);
  interval->max_ms = static_cast<std::int64_t>(max_ms);
  if (min_ms == 0) interval->min_ms = max_ms == 0 ? defaults.min_ms : std::min(defaults.min_ms, interval->max_ms);
  if (max_ms == 0) interval->max_ms = std::max(defaults.max_ms, interval->min_ms);
  return {};
}

Status read_options(const Uri& uri, Asking* asking, Interval* interval) {
  if (Status s = uri.check_options({"min_ms", "max_ms", "family", "timeout_ms", "tries"}, {"server"}); !s.ok())
    return s;
  if (Status s = read_asking(uri, asking); !s.ok()) return s;
  return read_interval(uri, interval);
}

}  // namespace

Result<std::unique_ptr<Source>> open_dns(const Uri& uri, Loop& loop, const Log& log, Say say) {
  return open_dns(uri, loop, log, std::move(say), Asking{});
}

Result<std::unique_ptr<Source>> open_srv(const Uri& uri, Loop& loop, const Log& log, Say say) {
  return open_srv(uri, loop, log, std::move(say), Asking{});
}

Result<std::unique_ptr<Source>> open_dns(const Uri& uri, Loop& loop, const Log& log, Say say, Asking asking) {
  Interval interval;
  if (Status s = read_options(uri, &asking, &interval); !s.ok()) return s;
  std::string host;
  std::uint16_t port = kDefaultPort;
  if (const std::string wrong = split_port(uri.rest, &host, &port); !wrong.empty()) return uri.wrong(wrong);
  if (std::string address = member_address(host, port); !address.empty())
    return std::unique_ptr<Source>(std::make_unique<Listed>(loop, std::vector{std::move(address)}, std::move(say)));
  if (const std::string wrong = wrong_with_host_name(host); !wrong.empty()) return uri.wrong(wrong);
  auto begin = [&loop, host, port](std::shared_ptr<Channel> channel, const Asking& how, SayOnce seen) {
    return look_at_name(loop, std::move(channel), how, host, port, std::move(seen));
  };
  return std::unique_ptr<Source>(
      std::make_unique<Polled>(loop, log, interval, std::move(asking), std::move(begin), std::move(say)));
}

Result<std::unique_ptr<Source>> open_srv(const Uri& uri, Loop& loop, const Log& log, Say say, Asking asking) {
  Interval interval;
  if (Status s = read_options(uri, &asking, &interval); !s.ok()) return s;
  const std::string& name = uri.rest;
  if (is_ip(AF_INET, name) || is_ip(AF_INET6, name)) return uri.wrong("an IP address has no SRV records");
  if (name.find(':') != std::string::npos)
    return uri.wrong("SRV records say the ports: a service has none in its name");
  if (const std::string wrong = wrong_with_host_name(name); !wrong.empty()) return uri.wrong(wrong);
  auto begin = [&loop, name](std::shared_ptr<Channel> channel, const Asking& how, SayOnce seen) {
    return look_at_service(loop, std::move(channel), how, name, std::move(seen));
  };
  return std::unique_ptr<Source>(
      std::make_unique<Polled>(loop, log, interval, std::move(asking), std::move(begin), std::move(say)));
}

}  // namespace pinnate::discovery
