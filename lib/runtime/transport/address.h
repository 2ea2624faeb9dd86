// Where a tier listens or dials, as a host writes it:
//   tcp://HOST:PORT           HOST: IPv4, [IPv6], or a name
//   insecure+tcp://HOST:PORT  the same; the word allows listening beyond loopback
//   unix:/PATH                absolute, at most 107 bytes
#pragma once

#include "base/status.h"

#include <cstdint>
#include <string>

namespace pinnate::runtime {

struct Address {
  enum class Transport : std::uint8_t { tcp, unix_socket };

  Transport transport = Transport::tcp;
  bool insecure = false;
  std::string host;  // without brackets
  std::uint16_t port = 0;
  std::string path;

  std::string text() const;  // as it would be written
};

// PINNATE_INVALID, or PINNATE_UNSUPPORTED for tls://, with the address in words.
Result<Address> parse_address(const std::string& text);
// The same, and can be dialled: the port is not 0.
Result<Address> parse_dial_address(const std::string& text);

}  // namespace pinnate::runtime
