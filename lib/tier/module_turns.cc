#include "tier/module_turns.h"

#include <utility>

namespace pinnate::tier {

void ModuleTurns::take_to_load(std::function<void()> begin) {
  loads_.push_back(std::move(begin));
  if (!taken_) give();
}

void ModuleTurns::take_to_destroy(std::function<void()> begin) {
  destroys_.push_back(std::move(begin));
  if (!taken_) give();
}

void ModuleTurns::end() {
  // From an alarm of its own, so that a row of refused loads does not nest.
  core_->alarm_in(0, [this] { give(); });
}

void ModuleTurns::unwedge() {
  wedged_by_.clear();
  if (!taken_) give();
}

void ModuleTurns::give() {
  auto& waiting = !destroys_.empty() && wedged_by_.empty() ? destroys_ : loads_;
  taken_ = !waiting.empty();
  if (!taken_) return;
  const auto begin = std::move(waiting.front());
  waiting.pop_front();
  begin();
}

}  // namespace pinnate::tier
