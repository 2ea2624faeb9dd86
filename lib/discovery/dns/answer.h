// What one message of a name server says. Whatever its bytes are, nothing is taken that is not in it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pinnate::discovery {

struct Answer {
  enum class Kind : std::uint8_t {
    records,  // at least one, or at least the word that there are some (`cut`)
    nothing,  // the name is there, and has no such record
    no_name,  // NXDOMAIN
    failed,  // the server, or the way to it
  };
  struct Service {
    std::string host;  // "": there is no such service (RFC 2782)
    std::uint16_t port;
  };
  Kind kind = Kind::failed;
  bool cut = false;  // it has more than fit
  std::vector<std::string> ips{};  // of A and AAAA, as text
  std::vector<Service> services{};  // of SRV
  std::optional<std::int64_t> ttl_ms{};  // the smallest of A and AAAA, and of the aliases on the way
  std::string alias{};  // of `nothing`: a CNAME led to this name, and no further
  std::string why{};  // it failed, in words
};

// `type`: ns_t_a, ns_t_aaaa or ns_t_srv. `status` and `message` as the channel gives them.
Answer read_answer(const std::string& name, int type, int status, std::string_view message);

}  // namespace pinnate::discovery
