// A tier as its driver sees it: a state machine without I/O and without a clock, used by one thread
// at a time. It is told what happened, with the time.
//
// The driver calls start() once with what the store held, and from then on reports. After each
// report it takes the actions, and arms one timer for next_wake_ms().
#pragma once

#include "base/naming.h"
#include "base/random.h"
#include "tier/action.h"

#include <array>
#include <limits>

namespace pinnate::tier {

// Monotonic time decides about waiting; wall time is only ever shown and recorded.
struct Now {
  std::int64_t monotonic_ms = 0;
  std::int64_t wall_ms = 0;
};
inline constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

// What every tier is configured with. Checked by check_options before a tier is made.
struct TierOptions {
  std::string fleet = "default";
  std::string id;
  Labels labels;
  std::uint64_t seed = 0;  // from the operating system's randomness, or a simulation's
  std::uint64_t incarnation = 0;  // differs in every life of this tier
  std::uint32_t heartbeat_ms = 5000;
  std::uint32_t backoff_min_ms = 200;
  std::uint32_t backoff_max_ms = 30000;
  std::size_t link_limit_bytes = 8 * 1024 * 1024;  // what one link may make this tier hold, in each direction
  bool operator==(const TierOptions&) const = default;
};
Status check_options(const TierOptions& options);

// On which side of a tier the other end of a link is.
enum class Side : std::uint8_t { unknown, upstream, downstream };

// What a transport knows of the peer at the other end of a link, before that says anything.
struct PeerFacts {
  std::string address;  // as it was dialled, or where the peer dialled from
  std::optional<std::uint32_t> uid, gid;  // of its process, on this machine
  std::string identity;  // as its certificate proves it

  std::string text() const {
    return address + (uid ? " (uid " + std::to_string(*uid) + ")" : "") + (identity.empty() ? "" : " as " + identity);
  }
};

// Bytes of messages that a link has taken.
struct Drained {
  std::size_t bulk = 0, calls = 0;
};

// Of a gateway's members, now; and what happened since it started.
struct MemberCounts {
  std::uint64_t sources = 0, stale_sources = 0;
  std::array<std::uint64_t, wire::kMemberStates> members{};  // that sources name, by state
  std::uint64_t registered = 0;  // linked, and named by no source
  std::uint64_t dials = 0, failed_dials = 0, refusals = 0;  // downward
};

class Tier {
 public:
  virtual ~Tier() = default;

  virtual void start(Now now, Restored restored) = 0;

  // A link that Dial asked for, or one that was accepted, can carry messages.
  virtual void link_opened(Now now, LinkId link, const PeerFacts& facts) = 0;
  // A whole message arrived. It may hold anything.
  virtual void link_message(Now now, LinkId link, Buffer message) = 0;
  // Bytes arrived, whole message or not: the peer lives.
  virtual void link_heard(Now now, LinkId link) = 0;
  // Room is counted in bulk bytes alone.
  virtual void link_drained(Now now, LinkId link, Drained drained) = 0;
  virtual void link_closed(Now now, LinkId link, Status why) = 0;

  virtual void completed(Now now, Completion completion) = 0;
  virtual void woke(Now now) = 0;
  virtual std::int64_t next_wake_ms() const = 0;  // monotonic, or kNever

  // Dials `address`, again after each end, until release_link or close. 0: too many such wishes.
  virtual EndpointId keep_link(Now now, Side side, const std::string& address) = 0;
  // `keep_up`: a link that is up stays for as long as it lives.
  virtual void release_link(Now now, EndpointId endpoint, bool keep_up) = 0;
  // From now on it is configured so. Fleet, id, seed and incarnation are as before. Other labels
  // are told to those above by a new link, to those below over the links that are there.
  virtual void reconfigure(Now now, const TierOptions& options) = 0;
  // Of a gateway: what a source says of who is below, as addresses that can be dialled. Nothing: there
  // is no such source any more. Failed without words: there is one, which has said nothing yet.
  virtual void name_members(Now, const std::string& /*source*/, std::optional<Naming>) {}
  virtual MemberCounts member_counts() { return {}; }
  // Of an engine: it has a loader of this kind now, too.
  virtual void add_loader(Now, const std::string&) {}
  // Ends well: says goodbye, drains and destroys services. closed(): nothing is left to do.
  virtual void close(Now now) = 0;
  virtual bool closed() const = 0;

  std::vector<Action> take_actions() { return std::exchange(actions_, {}); }
  // Room for the next actions, so that a driver of many tiers need not make new room.
  void lend_room(std::vector<Action> empty) {
    if (actions_.empty()) actions_ = std::move(empty);
  }

 protected:
  std::vector<Action> actions_;
};

}  // namespace pinnate::tier
