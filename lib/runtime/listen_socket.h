// Binds and listens: the rules for addresses beyond loopback, ports in use, and socket files left behind.
#pragma once

#include "base/status.h"
#include "runtime/address.h"
#include "runtime/socket.h"

namespace pinnate::runtime {

// Sets the real port in `address`. See Listener::open.
Result<Socket> listen_at(Address* address);

}  // namespace pinnate::runtime
