// One order about one service, with a limit. A running step owns the service and the turn, even if
// its candidate is dropped. One that passes its limit cannot be ended; its service is left behind.
#pragma once

#include "tier/core.h"

namespace pinnate::tier {

class Slot;
struct SlotWorld;

class ModuleStep {
 public:
  // What passes its limit: a function of the module's, its constructors, or our own work.
  enum class Hang { left_behind, wedges, stops };
  ModuleStep(SlotWorld* world, Slot* slot, ServiceId service, std::string what, std::uint32_t limit_ms, Hang hang);
  ~ModuleStep();
  ModuleStep(const ModuleStep&) = delete;

  Token token() const { return token_; }
  void drop();  // the candidate is superseded. May delete this

 private:
  enum class State { awaited, dropped, late };
  void answered(Completion& c);
  void passed_limit();

  SlotWorld* world_;
  Slot* slot_;
  ServiceId service_;
  std::string what_;
  std::uint32_t limit_ms_;
  Hang hang_;
  State state_ = State::awaited;
  Token token_;
  Alarm limit_;
};

}  // namespace pinnate::tier
