// One look at a name server: asks, and says once what is there.
#pragma once

#include "base/naming.h"
#include "discovery/dns/channel.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace pinnate::discovery {

struct Seen {
  Naming naming;
  std::optional<std::int64_t> ttl_ms{};  // for so long servers say the same
};
using SayOnce = std::function<void(Seen)>;

class Look {
 public:
  virtual ~Look() = default;  // it asks no more
};

// Both call `seen` once, never from inside this call; it may destroy the look.
std::unique_ptr<Look> look_at_name(Loop& loop, std::shared_ptr<Channel> channel, const Asking& asking,
                                   const std::string& name, std::uint16_t port, SayOnce seen);
std::unique_ptr<Look> look_at_service(Loop& loop, std::shared_ptr<Channel> channel, const Asking& asking,
                                      const std::string& name, SayOnce seen);

}  // namespace pinnate::discovery
