// Addresses of host names, for a source that has to reach a server itself.
#pragma once

#include "base/status.h"
#include "discovery/dns/asking.h"
#include "discovery/source/loop.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace pinnate::discovery {

class Names {
 public:
  virtual ~Names() = default;  // nothing is answered any more
  // As the system's resolver would (/etc/hosts, search domains, both families); an IP address is
  // answered with itself, and nobody asked. Null: there is no memory or no resolver.
  static std::unique_ptr<Names> make(Loop& loop);
  static std::unique_ptr<Names> make(Loop& loop, Asking asking);
  // Calls `done` once, never from inside this call, within 10 s: with IP addresses as text, at least
  // one, or with why there is none. `done` may destroy this.
  virtual void look_up(const std::string& host, std::function<void(Result<std::vector<std::string>>)> done) = 0;
};

}  // namespace pinnate::discovery
