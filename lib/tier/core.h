// What every part of a tier shares: the time, the list of actions, orders under way, alarms.
#pragma once

#include "tier/tier.h"

#include <functional>

namespace pinnate::tier {

class Core;

// Rings once, and not after it is cancelled, replaced or destroyed.
class [[nodiscard]] Alarm {
 public:
  Alarm() = default;
  Alarm(Alarm&& o) noexcept : core_(std::exchange(o.core_, nullptr)), due_(o.due_) {}
  Alarm& operator=(Alarm o) noexcept {
    std::swap(core_, o.core_);
    std::swap(due_, o.due_);
    return *this;
  }
  ~Alarm();
  void cancel() { *this = {}; }
  bool set() const;  // it is still to ring
  std::int64_t at_ms() const { return due_.first; }

 private:
  friend Core;
  using Due = std::pair<std::int64_t, std::uint64_t>;  // when, and how many were set before
  Alarm(Core* core, Due due) : core_(core), due_(due) {}
  Core* core_ = nullptr;
  Due due_;
};

class Core {
 public:
  Core(const TierOptions& options, std::vector<Action>* actions);

  const TierOptions& options() const { return options_; }
  void set_options(const TierOptions& options) { options_ = options; }
  Now now() const { return now_; }
  void set_now(Now now) { now_ = now; }
  Random& random() { return random_; }
  LinkId new_dialled_link() { return next_link_ += 2; }

  template <class A>
  void act(A action) {
    actions_->push_back(std::move(action));
  }
  void send(LinkId link, const wire::Message& message) { send(link, wire::class_of(message), wire::encode(message)); }
  void send(LinkId link, wire::Class priority, Buffer message) { act(Send{link, priority, std::move(message)}); }
  // Answers a request with why it is not carried out. Anything else has no answer.
  void refuse(LinkId link, const wire::Message& request, const Status& why, bool ran = false);
  void log(pinnate_log_level level, std::string message) { act(WriteLog{level, std::move(message)}); }

  // A token for an order, and what to do when it is answered, unless it is forgotten.
  using Answer = std::function<void(Completion&)>;
  Token order(Answer answer);
  void forget_order(Token token) { orders_.erase(token); }
  void complete(Completion completion);

  // Runs `ring` once, at that time or soon after.
  Alarm alarm_at(std::int64_t at_ms, std::function<void()> ring) { return {this, add_alarm(at_ms, std::move(ring))}; }
  Alarm alarm_in(std::int64_t in_ms, std::function<void()> ring) {
    return alarm_at(now_.monotonic_ms + in_ms, std::move(ring));
  }
  void soon(std::function<void()> ring) { add_alarm(now_.monotonic_ms, std::move(ring)); }  // cannot be cancelled
  void ring_alarms();
  std::int64_t next_alarm_ms() const { return alarms_.empty() ? kNever : alarms_.begin()->first.first; }

 private:
  friend Alarm;
  Alarm::Due add_alarm(std::int64_t at_ms, std::function<void()> ring);

  TierOptions options_;
  std::vector<Action>* actions_;
  Random random_;
  Now now_;
  LinkId next_link_ = ~LinkId{0};  // the first is 1
  Token next_token_;
  std::map<Token, Answer> orders_;
  std::map<Alarm::Due, std::function<void()>> alarms_;
  std::uint64_t last_alarm_ = 0;
};

// A peer that answered and said no will say no again; one that is not there may come.
inline bool answered_no(const Status& why) {
  return why.code() == PINNATE_REFUSED || why.code() == PINNATE_INCOMPATIBLE || why.code() == PINNATE_CORRUPT;
}

// Exponential backoff: each delay is between half and all of a ceiling that doubles up to a cap.
class Backoff {
 public:
  Backoff(std::uint32_t min_ms, std::uint32_t max_ms) : min_ms_(min_ms), max_ms_(max_ms) {}
  std::int64_t next_ms(Random& random);
  // For the first try after a link was up, when many may have lost theirs at one time.
  std::int64_t spread_ms(Random& random);
  void reset() { tries_ = 0; }
  void set(std::uint32_t min_ms, std::uint32_t max_ms) { min_ms_ = min_ms, max_ms_ = max_ms; }
  std::uint32_t tries() const { return tries_; }

 private:
  std::uint32_t min_ms_, max_ms_, tries_ = 0;
};

// What each kind of request is answered with.
inline wire::Published answer_to(const wire::Publish&) { return {}; }
inline wire::Done answer_to(const wire::Unpublish&) { return {}; }
inline wire::Releases answer_to(const wire::ListReleases&) { return {}; }
inline wire::StatusReport answer_to(const wire::GetStatus&) { return {}; }
inline wire::Tiers answer_to(const wire::Lookup&) { return {}; }
inline wire::Returned answer_to(const wire::Call&) { return {}; }

// Why another kind of tier decides nothing.
inline Status ask_the_controller(const Core& core, const char* kind) {
  return {PINNATE_REFUSED, "'" + core.options().id + "' is " + kind + "; ask the controller for this"};
}

// Ends in "..." where it is cut, on a UTF-8 boundary.
std::string cut_reason(std::string reason, std::size_t most_bytes = kReasonBytes);

}  // namespace pinnate::tier
