#include "tier/core.h"

#include "base/limits.h"

#include <algorithm>
#include <functional>

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
  const std::uint64_t place = free_ != 0 ? free_ - 1 : alarms_.size();
  if (free_ != 0)
    free_ = ~alarms_[place].number;
  else
    alarms_.emplace_back();
  alarms_[place] = {++last_alarm_, std::move(ring)};
  due_.push_back({at_ms, last_alarm_, place});
  std::push_heap(due_.begin(), due_.end(), std::greater());
  return last_alarm_ << kPlaceBits | place;
}

std::function<void()> Core::free_place(std::uint64_t place) {
  alarms_[place].number = ~std::exchange(free_, place + 1);
  return std::exchange(alarms_[place].ring, nullptr);
}

void Core::pop_due() {
  std::pop_heap(due_.begin(), due_.end(), std::greater());
  due_.pop_back();
}

void Core::drop_cancelled() {
  const auto cancelled = [this](const Due& due) { return alarms_[due.place].number != due.number; };
  if (cancelled_ > 16 && cancelled_ > due_.size() / 2) {
    cancelled_ -= std::erase_if(due_, cancelled);
    std::make_heap(due_.begin(), due_.end(), std::greater());
  }
  for (; !due_.empty() && cancelled(due_.front()); cancelled_--) pop_due();
}

void Core::cancel_alarm(AlarmId* id) {
  const AlarmId alarm = std::exchange(*id, 0);
  const std::uint64_t place = alarm & ((AlarmId{1} << kPlaceBits) - 1);
  if (alarm == 0 || alarms_[place].number << kPlaceBits >> kPlaceBits != alarm >> kPlaceBits) return;  // it has rung
  const auto ring = free_place(place);  // whose end may cancel others
  cancelled_++;
  drop_cancelled();
}

void Core::ring_alarms() {
  // An alarm set by an alarm for "now" rings at the next report, so that this ends.
  const AlarmId last = last_alarm_;
  std::vector<Due> set_meanwhile;
  while (!due_.empty() && due_.front().at_ms <= now_.monotonic_ms) {
    const Due due = due_.front();
    pop_due();
    if (due.number > last) {
      set_meanwhile.push_back(due);
    } else {
      const auto ring = free_place(due.place);
      ring();
    }
    drop_cancelled();
  }
  for (const Due& due : set_meanwhile) {
    due_.push_back(due);
    std::push_heap(due_.begin(), due_.end(), std::greater());
  }
  drop_cancelled();
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

bool refuse_decision(Core* core, LinkId link, const wire::Message& message, const char* kind) {
  const auto refuse = [&](std::uint64_t id, auto answer) {
    answer.id = id;
    answer.code = PINNATE_REFUSED;
    answer.reason = "'" + core->options().id + "' is " + kind + "; ask the controller for this";
    core->send(link, answer);
    return true;
  };
  if (auto* publish = std::get_if<wire::Publish>(&message)) return refuse(publish->id, wire::Published{});
  if (auto* unpublish = std::get_if<wire::Unpublish>(&message)) return refuse(unpublish->id, wire::Done{});
  if (auto* list = std::get_if<wire::ListReleases>(&message)) return refuse(list->id, wire::Releases{});
  return false;
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
