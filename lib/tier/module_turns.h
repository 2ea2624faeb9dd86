// Whose turn it is with the modules of one engine, which does one thing at a time: so what passes
// its limit is what held up the others.
#pragma once

#include "tier/core.h"

#include <list>

namespace pinnate::tier {

class ModuleTurns {
 public:
  explicit ModuleTurns(Core* core) : core_(core) {}

  // `begin` runs when its turn has come, at once if it can. Each has one end().
  void take_to_load(std::function<void()> begin);
  // Before loads: it frees memory. While the engine is wedged it waits.
  void take_to_destroy(std::function<void()> begin);
  void end();

  // A load has passed its limit. Others get their turns, to be refused, until it comes back.
  void wedge(std::string by) { wedged_by_ = std::move(by); }
  void unwedge();
  const std::string& wedged_by() const { return wedged_by_; }  // "": it is not

 private:
  enum class Turn { free, taken, ending };
  void give();

  Core* core_;
  std::list<std::function<void()>> loads_, destroys_;
  Turn turn_ = Turn::free;
  std::string wedged_by_;
};

}  // namespace pinnate::tier
