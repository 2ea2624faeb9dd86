#include "tier/core.h"

#include <algorithm>

namespace pinnate::tier {

Core::Core(const TierOptions& options, std::vector<Action>* actions)
    : options_(options), actions_(actions), random_(options.seed), next_token_(options.incarnation << 32) {}

void Core::refuse(LinkId link, const wire::Message& request, const Status& why, bool ran) {
  std::visit(
      [&](const auto& asked) {
        if constexpr (requires { answer_to(asked); }) {
          auto answer = answer_to(asked);
          answer.id = asked.id;
          answer.code = why.code();
          answer.reason = cut_reason(why.message());
          if constexpr (requires { answer.ran; }) answer.ran = ran;
          send(link, answer);
        }
      },
      request);
}

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

Alarm::Due Core::add_alarm(std::int64_t at_ms, std::function<void()> ring) {
  const Alarm::Due due(at_ms, ++last_alarm_);
  alarms_.emplace_hint(alarms_.begin(), due, std::move(ring));  // of a call, it rings before most others
  return due;
}

Alarm::~Alarm() {
  if (core_) core_->alarms_.extract(due_);  // its end may cancel others
}

bool Alarm::set() const { return core_ && core_->alarms_.contains(due_); }

void Core::ring_alarms() {
  // An alarm set by an alarm for "now" rings at the next report, so that this ends.
  const std::uint64_t last = last_alarm_;
  for (auto next = alarms_.begin(); next != alarms_.end() && next->first.first <= now_.monotonic_ms;) {
    const Alarm::Due due = next->first;
    if (due.second <= last) alarms_.extract(next).mapped()();
    next = alarms_.upper_bound(due);
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
