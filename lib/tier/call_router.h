// Carries calls: picks who serves a function, and ends every call once. What may have run is never
// sent again, unless its caller said that it may.
#pragma once

#include "base/id_map.h"
#include "base/slots.h"
#include "tier/directory.h"
#include "tier/engine_finder.h"
#include "wire/call.h"

#include <algorithm>
#include <array>
#include <unordered_map>

namespace pinnate::tier {

class CallRouter {
 public:
  // `directory` and `finder` are null at an engine, which has nobody below.
  CallRouter(Core* core, Links* links, const Directory* directory, EngineFinder* finder, const DesiredState* state)
      : core_(core), links_(links), directory_(directory), finder_(finder), state_(state) {}

  // A call that came over `from` (kHostLink: from the process around). It is answered there.
  void take(LinkId from, wire::CallView call);
  void take(LinkId from, wire::ReturnedView returned);
  void cancel(LinkId from, std::uint64_t id);
  void link_down(LinkId link);

  // Runs a call of a function served here, and gives the token of its order; 0: it is not served.
  // Set by an engine.
  using Local = std::function<Token(const wire::CallView& call, std::uint32_t timeout_ms,
                                    std::function<void(const wire::Returned&)> done)>;
  void set_local(Local local) { local_ = std::move(local); }

 private:
  using Id = std::uint64_t;
  static constexpr std::size_t kAttempts = 3;
  struct Pending {
    LinkId from = 0;
    Id asked_as = 0;
    wire::CallView call;  // kept: it may be sent again
    std::size_t bytes = 0;  // that it holds
    std::int64_t deadline_ms = 0;
    LinkId via = 0;  // 0: not sent
    Token here = 0;  // given to a service of this engine
    bool ran_before = false;  // it may have, where it was sent earlier
    bool by_memory = false;  // sent to where its engine was found for an earlier call
    std::string busy;  // why an engine was that it was sent to
    std::array<LinkId, kAttempts> tried{};
    std::size_t tries = 0;
    Alarm limit;

    bool tried_over(LinkId link) const { return std::find(tried.begin(), tried.begin() + tries, link) != tried.begin() + tries; }
    bool again() const { return tries < kAttempts; }
  };
  struct Traffic {  // unanswered calls of one link
    IdMap<Id> asked;  // over it, by the asker's ids
    std::size_t sent = 0;
    std::size_t asked_bytes = 0, sent_bytes = 0;
  };
  struct Asker {
    LinkId link;
    Id asked_as;
    bool ran_before;
  };
  Asker let_go(Id id);
  const Session* above(const Pending& pending) const;  // where it may go on upward; null: nowhere
  bool has_room(LinkId via, const Pending& pending) const;
  Status check(LinkId from, const wire::CallView& call) const;
  void take_off_asked(const Pending& pending);
  void leave(Pending& pending);  // it is no longer under way above or below
  void give_up(Id id, Pending& pending);  // and nobody waits for its result
  void late(Id id);
  void route(Id id);
  void choose(Id id);
  void seek(Id id);
  void sought(Id id, const wire::Tiers& found);
  void forward(Id id, LinkId via, const std::vector<std::string>& route);
  void end(Id id, wire::ReturnedView returned);
  void end(Id id, wire::Returned returned);
  // `result_bytes`: of what is lost where it does not fit.
  void answer(const Asker& asker, Buffer message, std::size_t result_bytes);
  std::size_t most_under_way() const;
  std::size_t most_waiting() const;
  void fail(Id id, Code code, std::string reason);  // it has run if it may have
  std::string nobody_serves(std::string_view function) const;
  std::string full(std::string_view function) const;

  Core* core_;
  Links* links_;
  const Directory* directory_;
  EngineFinder* finder_;
  const DesiredState* state_;
  Local local_;
  Slots<Pending> pending_;
  std::unordered_map<LinkId, Traffic> traffic_;  // of links that calls went over, until they end
  std::map<std::pair<std::string, std::string>, std::vector<Id>> seeking_;  // calls by engine and function
};

// In place of a result of so many bytes, which are over the limit.
wire::Returned too_large(std::uint64_t id, std::size_t bytes);

}  // namespace pinnate::tier
