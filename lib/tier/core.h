// What every part of a tier shares: the time, the list of actions, orders under way, alarms.
#pragma once

#include "base/id_map.h"
#include "base/slots.h"
#include "tier/tier.h"

#include <functional>
#include <vector>

namespace pinnate::tier {

class Core;

// Rings once, and not after it is cancelled, replaced or destroyed.
class [[nodiscard]] Alarm {
 public:
  Alarm() = default;
  Alarm(Alarm&& o) noexcept : core_(std::exchange(o.core_, nullptr)), number_(o.number_), at_ms_(o.at_ms_) {}
  Alarm& operator=(Alarm o) noexcept {
    std::swap(core_, o.core_);
    std::swap(number_, o.number_);
    std::swap(at_ms_, o.at_ms_);
    return *this;
  }
  ~Alarm();
  void cancel() { *this = {}; }
  bool set() const;  // it is still to ring
  std::int64_t at_ms() const { return at_ms_; }

 private:
  friend Core;
  Alarm(Core* core, std::uint64_t number, std::int64_t at_ms) : core_(core), number_(number), at_ms_(at_ms) {}
  Core* core_ = nullptr;
  std::uint64_t number_ = 0;
  std::int64_t at_ms_ = 0;
};

// The alarms that are set, the next one first; of one moment in the order in which they were set. Each
// call sets one and most are cancelled, so neither takes memory or a search.
class Alarms {
 public:
  using Ring = std::function<void()>;
  std::uint64_t set(std::int64_t at_ms, Ring ring);
  bool is_set(std::uint64_t number) { return alarms_.find(number) != nullptr; }
  void cancel(std::uint64_t number);
  // Those that are due. One that is set meanwhile does not ring, so that this ends.
  void ring(std::int64_t now_ms);
  std::int64_t next_ms() const { return heap_.empty() ? kNever : heap_[0].at_ms; }

 private:
  static constexpr std::uint32_t kNowhere = ~std::uint32_t{0};
  struct Set {
    Ring ring;
    std::uint32_t heap_at = kNowhere;  // there: it is about to ring
  };
  struct Entry {
    std::int64_t at_ms;
    std::uint64_t order;
    std::uint64_t number;
    Set* set;
    bool before(const Entry& o) const { return at_ms != o.at_ms ? at_ms < o.at_ms : order < o.order; }
  };
  void put(std::size_t at, const Entry& entry);
  void rise(std::size_t at, Entry entry);
  void sink(std::size_t at, Entry entry);
  void take_out(std::size_t at);

  Slots<Set> alarms_;
  std::vector<Entry> heap_;  // binary
  std::uint64_t last_order_ = 0;
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
  void forget_order(Token token) { orders_.remove(token); }
  void complete(Completion completion);

  // Runs `ring` once, at that time or soon after.
  Alarm alarm_at(std::int64_t at_ms, std::function<void()> ring) {
    return {this, alarms_.set(at_ms, std::move(ring)), at_ms};
  }
  Alarm alarm_in(std::int64_t in_ms, std::function<void()> ring) {
    return alarm_at(now_.monotonic_ms + in_ms, std::move(ring));
  }
  void soon(std::function<void()> ring) { alarms_.set(now_.monotonic_ms, std::move(ring)); }  // cannot be cancelled
  void ring_alarms() { alarms_.ring(now_.monotonic_ms); }
  std::int64_t next_alarm_ms() const { return alarms_.next_ms(); }

 private:
  friend Alarm;

  TierOptions options_;
  std::vector<Action>* actions_;
  Random random_;
  Now now_;
  LinkId next_link_ = ~LinkId{0};  // the first is 1
  Token next_token_;
  IdMap<Answer> orders_;
  Alarms alarms_;
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
