// Host names to addresses, off the loop's thread and off libuv's pool.
#pragma once

#include "base/status.h"
#include "runtime/reactor.h"
#include "runtime/transport/socket.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace pinnate::runtime {

using Resolved = Result<std::vector<SocketAddress>>;

// Calls `done` on the loop's thread, never from inside this call; not at all when the reactor has
// gone by then. Addresses are in the order in which to try them. Those who ask for the same host
// and port while a lookup runs share its answer, so that dialling again and again while name
// servers are away piles up nothing.
void resolve(const std::shared_ptr<Reactor>& reactor, const std::string& host, std::uint16_t port,
             std::function<void(Resolved)> done);

}  // namespace pinnate::runtime
