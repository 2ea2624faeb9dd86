#include "runtime/transport/address.h"

#include <sys/un.h>

#include <charconv>
#include <string_view>

namespace pinnate::runtime {
namespace {

constexpr std::size_t kPathLimit = sizeof(sockaddr_un::sun_path) - 1;
constexpr std::size_t kHostLimit = 253;  // of DNS

// Hostile text is shown, not passed on raw.
std::string quoted(std::string_view text) {
  std::string out = "address '";
  for (char c : text.substr(0, 160)) out.push_back(c >= 0x20 && c < 0x7f ? c : '?');
  if (text.size() > 160) out += "...";
  return out + "'";
}

bool take(std::string_view* text, std::string_view prefix) {
  if (!text->starts_with(prefix)) return false;
  text->remove_prefix(prefix.size());
  return true;
}

bool host_character(char c, bool in_brackets) {
  const bool plain =
      (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
  return plain || (in_brackets && (c == ':' || c == '%'));
}

// Each puts what `rest` says into `address` and returns what is wrong with it, or "".
std::string read_host_and_port(std::string_view rest, Address* address) {
  std::string_view host, port;
  const bool in_brackets = rest.starts_with('[');
  if (in_brackets) {
    const std::size_t close = rest.find(']');
    if (close == std::string_view::npos) return " has '[' without ']'";
    host = rest.substr(1, close - 1);
    rest.remove_prefix(close + 1);
    if (!rest.empty() && !rest.starts_with(':')) return " must have ':' and the port after ']'";
    port = rest.empty() ? rest : rest.substr(1);
  } else {
    const std::size_t colon = rest.find(':');
    host = rest.substr(0, colon);
    port = colon == std::string_view::npos ? std::string_view() : rest.substr(colon + 1);
    if (port.find(':') != std::string_view::npos)
      return " has an IPv6 address without brackets: write tcp://[ADDRESS]:PORT";
  }
  if (host.empty()) return " has no host: write tcp://HOST:PORT";
  if (host.size() > kHostLimit) return " has a host longer than 253 characters";
  for (char c : host)
    if (!host_character(c, in_brackets)) return " has a host with a character that no host has";
  if (port.empty()) return " has no port: write tcp://HOST:PORT";
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address->port);
  if (error != std::errc() || end != port.data() + port.size()) return " has a port that is no number from 0 to 65535";
  address->host = host;
  return {};
}

std::string read_path(std::string_view path, Address* address) {
  if (!path.starts_with('/')) return " needs an absolute path: write unix:/PATH";
  if (path.size() > kPathLimit)
    return " has a path of " + std::to_string(path.size()) + " bytes; UNIX sockets take at most " +
           std::to_string(kPathLimit);
  if (path.find('\0') != std::string_view::npos) return " has a NUL byte in its path";
  address->path = path;
  return {};
}

}  // namespace

std::string Address::text() const {
  if (transport == Transport::unix_socket) return "unix:" + path;
  const bool ipv6 = host.find(':') != std::string::npos;
  return std::string(insecure ? "insecure+" : "") + "tcp://" + (ipv6 ? "[" + host + "]" : host) + ":" +
         std::to_string(port);
}

Result<Address> parse_address(const std::string& text) {
  Address address;
  std::string_view rest = text;
  std::string wrong = " must begin with tcp://, insecure+tcp:// or unix:";
  if (take(&rest, "unix:")) {
    address.transport = Address::Transport::unix_socket;
    wrong = read_path(rest, &address);
  } else if (take(&rest, "tcp://") || (address.insecure = take(&rest, "insecure+tcp://"))) {
    wrong = read_host_and_port(rest, &address);
  } else if (rest.starts_with("tls://")) {
    return {PINNATE_UNSUPPORTED, quoted(text) + ": this version has no TLS yet; use tcp:// or unix:"};
  }
  if (!wrong.empty()) return {PINNATE_INVALID, quoted(text) + wrong};
  return address;
}

Result<Address> parse_dial_address(const std::string& text) {
  Result<Address> address = parse_address(text);
  if (address.ok() && address->transport == Address::Transport::tcp && address->port == 0)
    return {PINNATE_INVALID, quoted(text) + " has port 0, which can be listened at but not dialled"};
  return address;
}

}  // namespace pinnate::runtime
