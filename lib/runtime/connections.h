// All links of one node: accepted, dialled, and those on their way in and out.
#pragma once

#include "base/buffer.h"
#include "base/log.h"
#include "base/status.h"
#include "runtime/link.h"
#include "runtime/reactor.h"
#include "runtime/transport/transport.h"
#include "tier/action.h"

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace pinnate::runtime {

class Connections : private Link::Owner, private Transport::Owner {
 public:
  // What a tier is told, in its words. `link_opened` and `link_closed` may come from inside any
  // call of this class.
  class Owner {
   public:
    virtual void link_opened(tier::LinkId link, const tier::PeerFacts& facts) = 0;
    virtual void link_heard(tier::LinkId link) = 0;
    virtual void link_message(tier::LinkId link, Buffer message) = 0;
    virtual void link_drained(tier::LinkId link, tier::Drained drained) = 0;
    virtual void link_closed(tier::LinkId link, Status why) = 0;
    virtual bool may_read_links() const = 0;  // when this turns true again: read_on
    virtual void turn_end_wanted() = 0;  // for end_turn

   protected:
    ~Owner() = default;
  };

  Connections(Owner& owner, std::shared_ptr<Reactor> reactor, Log log, std::size_t limit_bytes);

  Result<std::string> listen(const std::string& address, std::uint64_t id);
  bool stop_listening(std::uint64_t id) { return listeners_.erase(id) == 1; }
  void dial(tier::LinkId link, const std::string& address, std::uint32_t limit_ms);
  void send(tier::LinkId link, wire::Class priority, Buffer message);  // not to a link that is gone
  // Flushes for at most `limit_ms`; link_closed does not follow.
  void drop(tier::LinkId link, const Status& why, std::int64_t limit_ms);
  void read_on();

  // Writes what was sent in this turn.
  void end_turn();
  // When `check` wants to be called (monotonic), and the call.
  std::int64_t check_at_ms() const { return check_at_ms_; }
  void check(std::int64_t now_ms);

  void stop_listening() { listeners_.clear(); }
  void drop_all(std::int64_t limit_ms);
  bool empty() const { return links_.empty() && dialings_.empty(); }

 private:
  void link_heard(Link& link) override { owner_.link_heard(link.id()); }
  // No message asks for a descriptor: one that came is closed.
  void link_message(Link& link, wire::Arrived arrived) override {
    owner_.link_message(link.id(), std::move(arrived.message));
  }
  void link_writable(Link& link) override { flush(link); }
  void link_has_output(Link& link) override;
  void link_broken(Link& link, Status why) override;
  bool may_read() const override;
  void dialled(tier::LinkId link, std::unique_ptr<Stream> stream) override;
  void dial_failed(tier::LinkId link, Status why) override;
  void accepted(std::unique_ptr<Stream> stream) override;
  void accept_failed(const std::string& why) override { log_(PINNATE_LOG_WARNING, why); }
  void check_wanted(std::int64_t at_ms) override;

  Link* find(tier::LinkId id) const;  // or null
  Status add(tier::LinkId id, std::unique_ptr<Stream> stream);
  void remove(Link& link);
  void remove_dialing(tier::LinkId link);
  void flush(Link& link);

  Owner& owner_;
  std::shared_ptr<Reactor> reactor_;
  Log log_;
  std::size_t limit_bytes_;
  tier::LinkId next_accepted_ = 2;
  std::uint64_t turned_away_ = 0;
  std::multimap<std::uint64_t, std::unique_ptr<Listener>> listeners_;
  std::unordered_map<tier::LinkId, std::unique_ptr<Dialing>> dialings_;
  std::unordered_map<tier::LinkId, std::unique_ptr<Link>> links_;
  std::vector<tier::LinkId> with_output_;
  // Until when dropped links may flush; some are gone already.
  std::set<std::pair<std::int64_t, tier::LinkId>> drop_deadlines_;
  std::int64_t check_at_ms_ = tier::kNever;  // what all of these wait for, or earlier
  mutable bool paused_ = false;  // some link may have stopped reading
  // Gone, but perhaps still on the stack: destroyed when the turn ends.
  std::vector<std::unique_ptr<Link>> gone_links_;
  std::vector<std::unique_ptr<Dialing>> gone_dialings_;
};

}  // namespace pinnate::runtime
