#include "tier/module_turns.h"

#include "base/check.h"

namespace pinnate::tier {

void ModuleTurns::take_to_load(std::function<void()> begin) {
  loads_.push_back(std::move(begin));
  if (turn_ == Turn::free) give();
}

void ModuleTurns::take_to_destroy(std::function<void()> begin) {
  destroys_.push_back(std::move(begin));
  if (turn_ == Turn::free) give();
}

void ModuleTurns::end() {
  if (!PINNATE_CHECK(turn_ == Turn::taken, "a module turn ended that nobody had"))
    return core_->log(PINNATE_LOG_ERROR, defect().message());
  turn_ = Turn::ending;
  // From an alarm of its own, so that a row of refused loads does not nest.
  core_->soon([this] { give(); });
}

void ModuleTurns::unwedge() {
  wedged_by_.clear();
  if (turn_ == Turn::free) give();
}

void ModuleTurns::give() {
  auto& waiting = !destroys_.empty() && wedged_by_.empty() ? destroys_ : loads_;
  turn_ = waiting.empty() ? Turn::free : Turn::taken;
  if (waiting.empty()) return;
  const auto begin = std::move(waiting.front());
  waiting.pop_front();
  begin();
}

}  // namespace pinnate::tier
