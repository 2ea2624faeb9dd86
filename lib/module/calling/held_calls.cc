#include "module/calling/held_calls.h"

#include <algorithm>
#include <utility>

namespace pinnate::module {
namespace {

constexpr std::chrono::seconds kHoldLimit{10};

}  // namespace

HoldLimits::HoldLimits(std::uint32_t timeout_ms) : until(Clock::now() + kHoldLimit) {
  if (timeout_ms == 0) return;
  deadline = Clock::now() + std::chrono::milliseconds(timeout_ms);
  // The answer is to come before the time is up.
  until = std::min(until, *deadline - std::chrono::milliseconds(timeout_ms / 10));
}

std::uint32_t HoldLimits::left_ms() const {
  if (!deadline) return 0;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now()).count();
  return static_cast<std::uint32_t>(std::max<decltype(left)>(left, 1));
}

void HeldCalls::begin(const std::string& function) {
  const std::lock_guard lock(mutex_);
  held_[function];
  ++changes_;
}

HeldCalls::List HeldCalls::end(std::string_view function) {
  const std::lock_guard lock(mutex_);
  const auto found = held_.find(function);
  if (found == held_.end()) return {};
  List ended = std::move(found->second);
  held_.erase(found);
  waiting_ -= ended.size();
  ++changes_;
  changed_.notify_all();
  return ended;
}

HeldCalls::List HeldCalls::end_all() {
  const std::lock_guard lock(mutex_);
  List ended;
  for (auto& [function, calls] : held_) ended.splice(ended.end(), calls);
  held_.clear();
  waiting_ -= ended.size();
  ++changes_;
  changed_.notify_all();
  return ended;
}

std::uint64_t HeldCalls::changes() const {
  const std::lock_guard lock(mutex_);
  return changes_;
}

HeldCalls::Stay HeldCalls::look_locked(std::string_view function, std::uint64_t seen) const {
  if (!held_.contains(function)) return changes_ == seen ? Stay::not_held : Stay::changed;
  return waiting_ < limit_ ? Stay::held : Stay::full;
}

HeldCalls::Stay HeldCalls::add(const std::shared_ptr<HeldCall>& call, std::uint64_t seen) {
  const std::lock_guard lock(mutex_);
  const Stay stay = look_locked(call->function, seen);
  if (stay != Stay::held) return stay;
  held_.find(call->function)->second.push_back(call);
  ++waiting_;
  return stay;
}

HeldCalls::Stay HeldCalls::wait(std::string_view function, TimePoint limit, std::uint64_t seen) {
  std::unique_lock lock(mutex_);
  const Stay stay = look_locked(function, seen);
  if (stay != Stay::held) return stay;
  ++waiting_;
  const bool ended = changed_.wait_until(lock, limit, [&] { return !held_.contains(function); });
  --waiting_;
  return ended ? Stay::changed : Stay::held;
}

bool HeldCalls::take(const std::shared_ptr<HeldCall>& call) {
  const std::lock_guard lock(mutex_);
  const auto found = held_.find(call->function);
  if (found == held_.end() || std::erase(found->second, call) == 0) return false;
  --waiting_;
  return true;
}

bool HeldCalls::begun(HeldCall& call, const std::weak_ptr<Call>& as) {
  const std::lock_guard lock(mutex_);
  call.begun = as;
  return call.given_up;
}

std::shared_ptr<Call> HeldCalls::give_up(HeldCall& call) {
  const std::lock_guard lock(mutex_);
  call.given_up = true;
  return call.begun.lock();
}

}  // namespace pinnate::module
