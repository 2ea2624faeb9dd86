// How name servers are asked.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pinnate::discovery {

struct NameServer {
  std::string ip;
  std::uint16_t port = 53;
};

struct Asking {
  std::vector<NameServer> servers{};  // none: those of resolv.conf
  int timeout_ms = 1000;  // of each try; c-ares reads neither this nor the next out of resolv.conf
  int tries = 3;  // of each server
  bool ipv4 = true, ipv6 = true;
  std::string resolv_conf = "/etc/resolv.conf";
};

}  // namespace pinnate::discovery
