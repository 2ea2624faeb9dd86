// Carries calls: picks who serves a function, remembers who asked, and ends every call once. What may have run is never
// sent again, unless its caller said that it may.
#pragma once

#include "tier/directory.h"
#include "tier/lookup.h"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace pinnate::tier {

class Calls {
 public:
  // `directory` and `lookups` are null at an engine, which has nobody below.
  Calls(Core* core, Links* links, const Directory* directory, Lookups* lookups, const DesiredState* state)
      : core_(core), links_(links), directory_(directory), lookups_(lookups), state_(state) {}
  ~Calls();

  // A call that came over `from` (kHostLink: from the process around). It is answered there.
  void take(LinkId from, const wire::Call& call);
  void take(LinkId from, const wire::Returned& returned);
  void cancel(LinkId from, std::uint64_t id);
  void link_down(LinkId link);

  // Runs calls of functions served here; set by an engine. Returns false when the function is not served here.
  using Local =
      std::function<bool(const wire::Call& call, std::uint32_t timeout_ms, std::function<void(wire::Returned)> done)>;
  void set_local(Local local) { local_ = std::move(local); }

 private:
  struct Pending {
    LinkId from = 0;
    std::uint64_t asked_as = 0;
    wire::Call call;  // kept whole: it may be sent again
    std::size_t bytes = 0;  // that it holds
    std::int64_t deadline_ms = 0;
    LinkId via = 0;  // 0: not sent
    bool here = false;  // given to a service of this engine
    bool may_have_run() const { return via != 0 || here; }
    std::vector<LinkId> tried;
    Core::AlarmId limit = 0;
  };
  struct Load {
    std::size_t calls = 0, bytes = 0;
  };
  static void add(std::map<LinkId, Load>* loads, LinkId link, std::size_t bytes);
  static void take_off(std::map<LinkId, Load>* loads, LinkId link, std::size_t bytes);
  bool has_room(LinkId via, const Pending& pending) const;
  void leave(Pending& pending);  // it is no longer under way below or above
  void route(std::uint64_t id);
  void locate(std::uint64_t id);
  void forward(std::uint64_t id, LinkId via, std::vector<std::string> route);
  void end(std::uint64_t id, wire::Returned returned);
  void answer(LinkId to, wire::Returned returned);
  std::size_t most_waiting() const;
  void fail(std::uint64_t id, Code code, std::string reason, bool ran);
  std::string nobody_serves(const std::string& function) const;
  std::string full(const std::string& function) const;

  Core* core_;
  Links* links_;
  const Directory* directory_;
  Lookups* lookups_;
  const DesiredState* state_;
  Local local_;
  std::map<std::uint64_t, Pending> pending_;
  std::map<LinkId, Load> from_, via_;  // unanswered calls by who asked, and by where they were passed on; none is empty
  std::uint64_t next_ = 1;
};

}  // namespace pinnate::tier
