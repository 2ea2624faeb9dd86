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
  orders_.add(token, std::move(answer));
  return token;
}

void Core::complete(Completion completion) {
  Answer* const found = orders_.find(completion.token);
  if (!found) return;  // forgotten, or from a life before
  const Answer answer = std::move(*found);
  orders_.remove(completion.token);
  answer(completion);
}

Alarm::~Alarm() {
  if (core_) core_->alarms_.cancel(number_);
}

bool Alarm::set() const { return core_ && core_->alarms_.is_set(number_); }

std::uint64_t Alarms::set(std::int64_t at_ms, Ring ring) {
  const auto [number, set] = alarms_.add();
  set->ring = std::move(ring);
  heap_.emplace_back();
  rise(heap_.size() - 1, {at_ms, ++last_order_, number, set});
  return number;
}

void Alarms::cancel(std::uint64_t number) {
  Set* const set = alarms_.find(number);
  if (!set) return;
  if (set->heap_at != kNowhere) take_out(set->heap_at);
  const Ring ring = std::move(set->ring);  // ends when it is set no more: its end may cancel others
  alarms_.remove(number);
}

void Alarms::ring(std::int64_t now_ms) {
  std::vector<std::uint64_t> due;
  while (next_ms() <= now_ms) {
    due.push_back(heap_[0].number);
    take_out(0);
  }
  for (std::uint64_t number : due) {
    Set* const set = alarms_.find(number);
    if (!set) continue;  // cancelled by one before
    const Ring ring = std::move(set->ring);
    alarms_.remove(number);
    ring();
  }
}

void Alarms::put(std::size_t at, const Entry& entry) {
  heap_[at] = entry;
  entry.set->heap_at = static_cast<std::uint32_t>(at);
}

// `at` is free, and so are the two below.
void Alarms::rise(std::size_t at, Entry entry) {
  for (; at > 0 && entry.before(heap_[(at - 1) / 2]); at = (at - 1) / 2) put(at, heap_[(at - 1) / 2]);
  put(at, entry);
}

void Alarms::sink(std::size_t at, Entry entry) {
  for (std::size_t below = 2 * at + 1; below < heap_.size(); below = 2 * at + 1) {
    if (below + 1 < heap_.size() && heap_[below + 1].before(heap_[below])) ++below;
    if (!heap_[below].before(entry)) break;
    put(at, heap_[below]);
    at = below;
  }
  put(at, entry);
}

void Alarms::take_out(std::size_t at) {
  heap_[at].set->heap_at = kNowhere;
  const Entry last = heap_.back();
  heap_.pop_back();
  if (at == heap_.size()) return;
  if (at > 0 && last.before(heap_[(at - 1) / 2]))
    rise(at, last);
  else
    sink(at, last);
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
