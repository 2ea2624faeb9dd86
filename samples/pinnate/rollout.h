// Following a release on its way through the fleet until it has settled.
#pragma once

#include "session.h"
#include "terminal.h"

#include <functional>
#include <string>
#include <vector>

namespace cli {

struct Rollout {
  enum class End {
    kServed,  // every selected online engine serves it
    kNotServed,  // settled, but some do not, or went offline meanwhile: it may be what ended them
    kReplaced,  // another decision took its place meanwhile
    kLate,  // not settled in time
  };
  End end;
  std::optional<ReleaseStatus> status;  // as last heard; absent when it was not heard of
  std::uint64_t gone = 0;  // engines that were online and selected while it was awaited, and are not any more
};

// Watches until no selected online engine is pending, fetching or loading, or until `deadline`.
// `on_change` gets each roll-up that has the release. A link that is lost meanwhile is dialled
// again until the deadline.
Rollout await_rollout(Session& session, const Published& published, Deadline deadline,
                      const std::function<void(const ReleaseStatus&)>& on_change);

// Shows a roll-out's progress: "live 7 of 12 ...".
void show(ProgressLine& line, const std::string& title, const ReleaseStatus& status);

// An online engine that the release selects and that does not serve it.
struct Absentee {
  PeerText engine, path;
  pinnate_phase phase;
  PeerText reason;
};

// At most `limit` of them, looked up down the tree, page by page.
std::vector<Absentee> absentees(Session& session, const std::string& name, std::uint64_t release, std::size_t limit);
// "12 failed, 3 loading": how many there are in all, or "" when they are no more than the `named`.
std::string without_text(const ReleaseStatus& status, std::size_t named);

}  // namespace cli
