// Calls into an engine's services from threads of the host, without the loop. Any thread; nothing
// here takes a lock, since such calls are meant to cost what a function call costs.
#pragma once

#include "base/status.h"
#include "module/service_host.h"

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace pinnate::capi {

class InProcessCalls {
 public:
  // Once, before any call. The node owns `services` too: a call that a module does not let go of
  // keeps them, and nothing else of the engine, beyond its closing.
  void begin(std::shared_ptr<module::ServiceHost> services) { door_->services = std::move(services); }
  // From now on calls are refused.
  void end() { door_->ended = true; }

  // Blocks. PINNATE_CLOSED after end; else as ServiceHost::call_here.
  module::Outcome call(const std::string& function, std::string_view payload, std::uint32_t timeout_ms) const;

 private:
  struct Door {
    std::shared_ptr<module::ServiceHost> services;
    std::atomic<bool> ended{false};
  };
  const std::shared_ptr<Door> door_ = std::make_shared<Door>();
};

}  // namespace pinnate::capi
