// What every part of a tier shares: the time of the report being handled, the list of actions, orders under way,
// alarms.
#pragma once

#include "base/limits.h"
#include "tier/tier.h"
#include "wire/message.h"

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace pinnate::tier {

class Core {
 public:
  Core(const TierOptions& options, std::vector<Action>* actions);

  const TierOptions& options() const { return options_; }
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
  void log(pinnate_log_level level, std::string message) { act(WriteLog{level, std::move(message)}); }

  // A token for an order, and what to do when it is answered. An order that is forgotten is not answered.
  using Answer = std::function<void(Completion&)>;
  Token order(Answer answer);
  void forget_order(Token token) { orders_.erase(token); }
  void complete(Completion completion);

  // Runs `ring` once, at `at_ms` or soon after. 0 is no alarm.
  using AlarmId = std::uint64_t;
  AlarmId alarm_at(std::int64_t at_ms, std::function<void()> ring);
  AlarmId alarm_in(std::int64_t in_ms, std::function<void()> ring) {
    return alarm_at(now_.monotonic_ms + in_ms, std::move(ring));
  }
  void cancel_alarm(AlarmId* id);
  void ring_alarms();
  std::int64_t next_alarm_ms() const { return due_.empty() ? kNever : due_.front().at_ms; }

 private:
  // Alarms are numbered in the order they are set. One that is cancelled leaves its place at once, and the heap of what
  // is due when it comes to the front, or when most of the heap is cancelled.
  struct Alarm {
    std::uint64_t number;  // of a free place: the complement of the next free one, from 1; 0 is none
    std::function<void()> ring;
  };
  struct Due {
    std::int64_t at_ms;
    std::uint64_t number, place;
    bool operator>(const Due& o) const { return at_ms != o.at_ms ? at_ms > o.at_ms : number > o.number; }
  };
  static constexpr int kPlaceBits = 24;  // of an AlarmId; the rest is of its number
  std::function<void()> free_place(std::uint64_t place);
  void pop_due();
  void drop_cancelled();

  TierOptions options_;
  std::vector<Action>* actions_;
  Random random_;
  Now now_;
  LinkId next_link_ = ~LinkId{0};  // the first is 1
  Token next_token_;
  std::map<Token, Answer> orders_;
  std::vector<Alarm> alarms_;
  std::vector<Due> due_;  // a heap; its front is not cancelled
  std::uint64_t free_ = 0, last_alarm_ = 0;
  std::size_t cancelled_ = 0;  // in due_
};

// A peer that answered and said no will say no again; one that is not there may come.
inline bool answered_no(const Status& why) {
  return why.code() == PINNATE_REFUSED || why.code() == PINNATE_INCOMPATIBLE || why.code() == PINNATE_CORRUPT;
}

// Exponential backoff with jitter: each delay is between half and all of a ceiling that doubles up to a cap.
class Backoff {
 public:
  Backoff(std::uint32_t min_ms, std::uint32_t max_ms) : min_ms_(min_ms), max_ms_(max_ms) {}
  std::int64_t next_ms(Random& random);
  // For the first try after a link that was up, when many may have lost theirs at one time: anywhere up to five times the first delay.
  std::int64_t spread_ms(Random& random);
  void reset() { tries_ = 0; }
  std::uint32_t tries() const { return tries_; }
  void set_tries(std::uint32_t tries) { tries_ = tries; }

 private:
  std::uint32_t min_ms_, max_ms_, tries_ = 0;
};

// Answers what only a controller can decide. False: it is not that.
bool refuse_decision(Core* core, LinkId link, const wire::Message& message, const char* kind);

// Ends in "..." where it is cut, on a UTF-8 boundary.
std::string cut_reason(std::string reason, std::size_t most_bytes = kReasonBytes);

}  // namespace pinnate::tier
