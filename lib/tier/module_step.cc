#include "tier/module_step.h"

#include "tier/slot.h"

namespace pinnate::tier {

ModuleStep::ModuleStep(SlotWorld* world, Slot* slot, ServiceId service, std::string what, std::uint32_t limit_ms,
                       Hang hang)
    : world_(world),
      slot_(slot),
      service_(service),
      what_(std::move(what)),
      limit_ms_(limit_ms),
      hang_(hang),
      token_(world->core->order([this](Completion& c) { answered(c); })),
      limit_(world->core->alarm_in(limit_ms, [this] { passed_limit(); })) {}

ModuleStep::~ModuleStep() { world_->core->forget_order(token_); }

void ModuleStep::drop() {
  state_ = State::dropped;
  if (hang_ != Hang::stops) return;
  world_->core->act(Abandon{service_});
  world_->turns->end();
  slot_->step_over(*this);
}

void ModuleStep::answered(Completion& c) {
  slot_->noted(c);
  if (state_ == State::awaited) return slot_->step_done(*this, c);
  // An image that was not made, or a load that failed, leaves nothing to destroy.
  if (c.status.ok() || hang_ == Hang::left_behind) slot_->destroy(service_);
  if (state_ == State::late)  // a constructor that came back after all
    world_->owner->wedged(what_, false);
  else
    world_->turns->end();
  slot_->step_over(*this);
}

void ModuleStep::passed_limit() {
  const bool awaited = state_ == State::awaited, wedges = hang_ == Hang::wedges;
  std::string reason = what_ + " took longer than " + std::to_string(limit_ms_) + " ms";
  if (wedges) {
    // It runs under the C library's own lock: nothing can end it, and no other load gets past it.
    state_ = State::late;
    reason += " and cannot be ended: the engine is wedged until it returns, or the engine restarts";
    world_->owner->wedged(what_, true);
  } else {
    if (hang_ == Hang::stops) {
      world_->core->act(Abandon{service_});
      reason += ": this engine's disk or memory is slow. The next try goes on where this one ended";
    } else {
      slot_->abandon(service_);
      reason += "; the service stays in memory until it returns";
    }
  }
  world_->turns->end();
  if (awaited)
    slot_->step_failed(reason, wedges);
  else
    world_->core->log(PINNATE_LOG_WARNING, reason);
  if (!wedges) slot_->step_over(*this);
}

}  // namespace pinnate::tier
