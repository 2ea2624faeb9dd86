// What went over this process's connections, frames and all: for TCP as the kernel counts it
// (TCP_INFO; headers of TCP/IP not), for UNIX sockets, which it does not count, as unix_bytes.cc
// does.
#pragma once

#include <cstdint>
#include <map>
#include <utility>

namespace bench {

struct LinkBytes {
  std::uint64_t out = 0, in = 0;  // TCP: out is what the peer acknowledged
};
using LinkName = std::pair<int, int>;  // the ports, own and peer's; -1 and the descriptor for a UNIX socket

std::map<LinkName, LinkBytes> link_bytes();

// What this process has sent and received on a descriptor, whatever it stood for; all 0 in builds
// with sanitizers.
LinkBytes bytes_on(int descriptor);

}  // namespace bench
