// Modules whose code is real: engines run what a loader from outside makes. Order, time and faults
// stay the world's; only what a step comes to is the module's.
#pragma once

#include "base/buffer.h"
#include "base/status.h"
#include "sim/occurrence.h"
#include "tier/action.h"

#include <functional>
#include <memory>

namespace pinnate::sim {

// One module that one engine has loaded, and its service once there is one. Its end, which comes
// also when the engine is killed, destroys the service and unloads the module.
class OutsideModule {
 public:
  // At most once, on the world's thread, during `call` or later, never after this module's end.
  using Answer = std::function<void(Status, Buffer)>;

  virtual ~OutsideModule() = default;
  virtual Status create(const Buffer& config) = 0;
  virtual Status check_health() = 0;
  // `left`: until the caller gives up.
  virtual void call(const Buffer& payload, const Labels& headers, Micros left, Answer answer) = 0;
};

class OutsideLoader {
 public:
  virtual ~OutsideLoader() = default;
  // The chunks on the engine's disk have been verified. Null: a kind that is simulated.
  virtual Result<std::unique_ptr<OutsideModule>> load(MachineId engine, const tier::Assemble& of) = 0;
};

}  // namespace pinnate::sim
