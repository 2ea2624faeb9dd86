// Carries calls: picks who serves a function, and ends every call once. What may have run is never
// sent again, unless its caller said that it may.
#pragma once

#include "tier/directory.h"
#include "tier/engine_finder.h"

namespace pinnate::tier {

class CallRouter {
 public:
  // `directory` and `finder` are null at an engine, which has nobody below.
  CallRouter(Core* core, Links* links, const Directory* directory, EngineFinder* finder, const DesiredState* state)
      : core_(core), links_(links), directory_(directory), finder_(finder), state_(state) {}

  // A call that came over `from` (kHostLink: from the process around). It is answered there.
  void take(LinkId from, const wire::Call& call);
  void take(LinkId from, const wire::Returned& returned);
  void cancel(LinkId from, std::uint64_t id);
  void link_down(LinkId link);

  // Runs a call of a function served here, and gives the token of its order; 0: it is not served.
  // Set by an engine.
  using Local =
      std::function<Token(const wire::Call& call, std::uint32_t timeout_ms, std::function<void(wire::Returned)> done)>;
  void set_local(Local local) { local_ = std::move(local); }

 private:
  using Id = std::uint64_t;
  struct Pending {
    LinkId from = 0;
    Id asked_as = 0;
    wire::Call call;  // kept whole: it may be sent again
    std::size_t bytes = 0;  // that it holds
    std::int64_t deadline_ms = 0;
    LinkId via = 0;  // 0: not sent
    Token here = 0;  // given to a service of this engine
    bool ran_before = false;  // it may have, where it was sent earlier
    bool by_memory = false;  // sent to where its engine was found for an earlier call
    std::string busy;  // why an engine was that it was sent to
    std::vector<LinkId> tried;
    Alarm limit;
  };
  struct Traffic {  // unanswered calls of one link
    std::map<Id, Id> asked;  // over it, by the asker's ids
    std::set<Id> sent;
    std::size_t asked_bytes = 0, sent_bytes = 0;
  };
  const Session* above(const Pending& pending) const;  // where it may go on upward; null: nowhere
  bool has_room(LinkId via, const Pending& pending) const;
  void take_off(LinkId link, bool sent, Id id, std::size_t bytes);
  void leave(Id id, Pending& pending);  // it is no longer under way below or above
  void give_up(Id id, Pending& pending);  // and nobody waits for its result
  void route(Id id);
  void choose(Id id);
  void seek(Id id);
  void sought(Id id, const wire::Tiers& found);
  void forward(Id id, LinkId via, std::vector<std::string> route);
  void end(Id id, wire::Returned returned);
  void answer(LinkId to, wire::Returned returned);
  std::size_t most_under_way() const;
  std::size_t most_waiting() const;
  void fail(Id id, Code code, std::string reason);  // it has run if it may have
  std::string nobody_serves(const std::string& function) const;
  std::string full(const std::string& function) const;

  Core* core_;
  Links* links_;
  const Directory* directory_;
  EngineFinder* finder_;
  const DesiredState* state_;
  Local local_;
  std::map<Id, Pending> pending_;
  std::map<LinkId, Traffic> traffic_;  // none is empty
  std::map<std::pair<std::string, std::string>, std::vector<Id>> seeking_;  // calls by engine and function
  Id next_ = 1;
};

void refuse_large(wire::Returned* returned);  // a result over the limit is left out, in words

}  // namespace pinnate::tier
