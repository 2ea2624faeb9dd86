// What went over this process's TCP connections, as the kernel counts it (TCP_INFO): frames and all, headers of TCP/IP not.
#pragma once

#include <cstdint>
#include <map>
#include <utility>

namespace bench {

struct TcpBytes {
  std::uint64_t out = 0, in = 0;  // acknowledged by the peer; received
};
using TcpPorts = std::pair<std::uint16_t, std::uint16_t>;  // own, peer's

std::map<TcpPorts, TcpBytes> tcp_bytes();

}  // namespace bench
