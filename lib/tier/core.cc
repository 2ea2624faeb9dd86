#include "tier/core.h"

#include "base/limits.h"

#include <algorithm>

namespace pinnate::tier {

Core::Core(const TierOptions& options, std::vector<Action>* actions)
    : options_(options), actions_(actions), random_(options.seed), next_token_(options.incarnation << 32) {}

Token Core::order(Answer answer) {
  const Token token = ++next_token_;
  orders_.emplace(token, std::move(answer));
  return token;
}

void Core::complete(Completion completion) {
  const auto found = orders_.find(completion.token);
  if (found == orders_.end()) return;  // forgotten, or from a life before
  Answer answer = std::move(found->second);
  orders_.erase(found);
  answer(completion);
}

Core::AlarmId Core::alarm_at(std::int64_t at_ms, std::function<void()> ring) {
  const AlarmId id = next_alarm_++;
  alarms_.emplace(std::pair(at_ms, id), std::move(ring));
  alarm_times_.emplace(id, at_ms);
  return id;
}

void Core::cancel_alarm(AlarmId* id) {
  const auto found = alarm_times_.find(std::exchange(*id, 0));
  if (found == alarm_times_.end()) return;
  alarms_.erase({found->second, found->first});
  alarm_times_.erase(found);
}

void Core::ring_alarms() {
  // An alarm set by an alarm for "now" rings at the next report, so that this ends.
  const AlarmId before = next_alarm_;
  for (auto it = alarms_.begin(); it != alarms_.end() && it->first.first <= now_.monotonic_ms;) {
    if (it->first.second >= before) {
      ++it;
      continue;
    }
    auto ring = std::move(it->second);
    alarm_times_.erase(it->first.second);
    alarms_.erase(it);
    ring();
    it = alarms_.begin();  // `ring` may have cancelled any
  }
}

std::int64_t Backoff::next_ms(Random& random) {
  std::uint64_t ceiling = min_ms_;
  for (std::uint32_t i = 0; i < tries_ && ceiling < max_ms_; i++) ceiling *= 2;
  ceiling = std::min<std::uint64_t>(ceiling, max_ms_);
  tries_++;
  return static_cast<std::int64_t>(ceiling / 2 + random.below(ceiling / 2 + 1));
}

std::int64_t Backoff::spread_ms(Random& random) {
  tries_++;
  return static_cast<std::int64_t>(random.below(5ull * min_ms_ + 1));
}

std::string cut_reason(std::string reason, std::size_t most_bytes) {
  if (reason.size() <= most_bytes) return reason;
  if (most_bytes <= 3) return {};
  std::size_t end = most_bytes - 3;
  while (end > 0 && (static_cast<unsigned char>(reason[end]) & 0xc0) == 0x80) end--;
  reason.resize(end);
  return reason + "...";
}

Status check_options(const TierOptions& o) {
  if (Status s = check_fleet(o.fleet); !s.ok()) return s;
  if (Status s = check_tier_id(o.id); !s.ok()) return s;
  if (Status s = check_labels(o.labels); !s.ok()) return s;
  if (o.heartbeat_ms < 50 || o.heartbeat_ms > 600000)
    return {PINNATE_INVALID, "heartbeat_ms is " + std::to_string(o.heartbeat_ms) + "; 50 to 600000 are allowed"};
  if (o.backoff_min_ms == 0 || o.backoff_max_ms < o.backoff_min_ms)
    return {PINNATE_INVALID, "backoff_min_ms must be at least 1 and at most backoff_max_ms"};
  if (o.incarnation == 0) return {PINNATE_INVALID, "incarnation must not be 0"};
  return {};
}

}  // namespace pinnate::tier
