// How a service makes way for one that may not live beside it: it is drained, destroyed and
// unloaded first, while calls wait. It is made again where what was to take its place fails.
#include "base/plant.h"
#include "tier/slot.h"

namespace pinnate::tier {
namespace {

constexpr std::uint32_t kPatienceMs = 20000;  // with a destroy, and with one more try of it

}  // namespace

bool Slot::has_left_behind() const { return world_->left_behind.contains(function_); }

bool Slot::alone() const { return !active_ && leaving_.empty() && steps_.empty() && !has_left_behind(); }

bool Slot::drains(const Service& service) const {
  const auto leaving = leaving_.find(service.id);
  return leaving != leaving_.end() && leaving->second.drain != 0;
}

// With the turn, which `go` has, too.
void Slot::make_way(void (Slot::*go)()) {
  if (alone() || PINNATE_PLANT(stop_first_beside_the_old)) return (this->*go)();
  if (has_left_behind())
    return blocked(
        "an earlier service of this function has not returned from its module, and this one is not made beside it: "
        "it is tried when that has returned, or the engine restarts");
  world_->turns->end();
  candidate_->has_turn = false;
  candidate_->go = go;
  candidate_->waits = true;
  std::uint32_t patience_ms = kPatienceMs;
  if (active_) patience_ms += active_->manifest->limits.drain_ms;
  candidate_->patience = core_->alarm_in(patience_ms, [this] {
    blocked("an earlier service of this function is still there, and this one is not made beside it");
  });
  if (active_) stop_active();
}

void Slot::blocked(const std::string& why) {
  blocked_ = true;
  fail(named() + ": " + why);
}

// Soon: this may be the middle of anything.
void Slot::way_may_be_free() {
  if (blocked_ || (candidate_ && candidate_->waits)) way_ = core_->alarm_in(0, [this] { look_at_way(); });
}

void Slot::look_at_way() {
  if (candidate_ && candidate_->waits) {
    if (has_left_behind())
      return blocked("the service before it has not returned from its module, and this one is not made beside it");
    if (!alone()) return;
    candidate_->waits = false;
    candidate_->patience.cancel();
    return ask_for_turn(&Slot::go_on);
  }
  if (!alone() || candidate_ || !blocked_ || !again_.set()) return;
  again_.cancel();
  begin();
}

void Slot::go_on() { make_way(candidate_->go); }

void Slot::stop_active() {
  former_ = std::exchange(active_, std::nullopt);
  former_->trust.cancel();
  core_->act(Hold{function_});
  drain(former_->id);
  const std::uint32_t limit_ms = former_->manifest->limits.drain_ms;
  leaving_[former_->id].alarm = core_->alarm_in(limit_ms, [this, limit_ms] {
    const std::string version = former_->entry->release.version;
    fail(named() + ": it is not made beside " + version + ", which still has calls after " + std::to_string(limit_ms) +
         " ms of draining, and goes on");
  });
  world_->owner->row_moved();
}

void Slot::take_back() {
  core_->forget_order(leaving_[former_->id].drain);
  leaving_.erase(former_->id);
  active_ = std::exchange(former_, std::nullopt);
  core_->act(Activate{function_, active_->id});
  trust_later(*active_);
  world_->owner->row_changed();
}

// What made way serves again, as what was to take its place has not.
void Slot::bring_back() {
  if (!former_) return;
  if (drains(*former_)) return take_back();
  if (has_left_behind())
    return not_brought_back("module '" + function_ + "' " + former_->entry->release.version +
                            ": a service of this function has not returned from its module");
  candidate_.emplace();
  candidate_->attempt = ++attempts_;
  candidate_->entry = former_->entry;
  candidate_->manifest = former_->manifest;
  candidate_->place = former_->place;
  candidate_->restores = true;
  candidate_->stops_first = true;
  ask_for_turn(&Slot::assemble);
}

void Slot::not_brought_back(const std::string& reason) {
  drop_candidate();
  const std::string words = reason + ": it cannot be brought back, and nothing serves '" + function_ + "'";
  core_->log(PINNATE_LOG_WARNING, words);
  world_->notices->say("brought back/" + function_, words);
  end_calls();
  if (!again_.set()) again_ = core_->alarm_in(backoff_.next_ms(core_->random()), [this] { begin(); });
}

void Slot::end_calls() {
  world_->call_limits_ms->erase(function_);
  if (!PINNATE_PLANT(drain_lets_calls_in)) core_->act(Deactivate{function_});
}

// It stays in memory until its module lets go of it; until then nothing is made beside it that may
// not be.
void Slot::abandon(ServiceId id) {
  world_->left_behind[function_].insert(id);
  const Token gone =
      core_->order([owner = world_->owner, function = function_, id](Completion&) { owner->came_back(function, id); });
  core_->act(Abandon{id, gone});
}

}  // namespace pinnate::tier
