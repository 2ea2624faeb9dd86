// What a controller and a gateway have in common: everything that faces downstream. Replicates the desired state, serves content,
// knows the tiers below, folds their status, answers lookups and carries calls.
#pragma once

#include "tier/call_router.h"
#include "tier/directory.h"
#include "tier/engine_finder.h"
#include "tier/inventory.h"
#include "tier/lookup.h"
#include "tier/notices.h"
#include "tier/provider.h"
#include "tier/replicator.h"

#include <map>
#include <set>
#include <string>

namespace pinnate::tier {

inline constexpr std::int64_t kStatusIntervalMs = 100;

class Relay : public Tier, protected LinkOwner {
 public:
  void link_opened(Now now, LinkId link, const PeerFacts& facts) override;
  void link_message(Now now, LinkId link, Buffer message) override;
  void link_heard(Now now, LinkId link) override;
  void link_drained(Now now, LinkId link, Drained drained) override;
  void link_closed(Now now, LinkId link, Status why) override;
  void completed(Now now, Completion completion) override;
  void woke(Now now) override;
  std::int64_t next_wake_ms() const override { return core_.next_alarm_ms(); }
  EndpointId keep_link(Now now, Side side, const std::string& address) override;
  void release_link(Now now, EndpointId endpoint) override;
  void close(Now now) override;
  bool closed() const override { return closing_; }

 protected:
  Relay(const TierOptions& options, wire::Role role, std::uint32_t forget_after_ms, Fetcher* fetcher);

  // LinkOwner
  void fill_hello(wire::Hello* hello) override;
  Labels labels_below(const Session& session) override;
  Status admit(const Session& session) override;
  void link_up(Session& session) override;
  void link_down(Session& session, const Status& why) override;
  void left(Session& session, bool forget) override;
  void message(Session& session, wire::Message& message) override;
  void room(Session& session) override;
  void refused(const Session& session, const Status& why) override;

  // Parts that differ. `link` is kHostLink for the process around.
  virtual void upstream_message(Session& session, wire::Message& message) = 0;
  virtual bool request(LinkId link, wire::Message& message) = 0;  // false: not one of this tier's
  // `who` below knows of this desired state.
  virtual void heard_of(const wire::Position& position, const std::string& who) = 0;
  virtual void tell_upstream() {}  // status changed; rate-limited
  virtual std::int64_t status_interval_ms() const {
    return kStatusIntervalMs;
  }  // from the last time it was told to the next
  virtual void status_told() {}
  virtual bool knows_state() const { return true; }  // false: it was lost, so what it needs is not known
  virtual std::set<Digest> manifests_in_use() const;  // of current releases and what else is needed
  std::set<Digest> artifacts_in_use() const;  // of those
  virtual std::uint64_t cache_limit_bytes() const = 0;

  void look_up(LinkId link, const wire::Lookup& lookup);
  // An answer that took time: whoever asked may be gone.
  void answer(LinkId link, const wire::Message& message) {
    if (link == kHostLink || links_.find(link)) core_.send(link, message);
  }
  void state_changed();  // the desired state advanced: replicate, drop what nobody needs
  void content_grew();
  void tell_labels(Session& session);  // if they are not what the peer was told last
  void status_changed();
  // Of what may be lost: a failure is noted, and how it ended is told to who wants to know.
  void commit(std::vector<RecordWrite> writes, std::function<void(const Status&)> done = {});
  std::vector<std::string> own_notices() const;
  void notice(const std::string& key, std::string text) { notices_.say(key, std::move(text)); }

  Core core_;
  Links links_;
  DesiredState state_;
  Manifests manifests_;
  Inventory inventory_;
  Replicator replicator_;
  Directory directory_;
  Provider provider_;
  Inquiries inquiries_;
  LookupPages lookups_;
  EngineFinder finder_;
  CallRouter calls_;
  Notices notices_;
  Labels inherited_;  // from above
  bool closing_ = false;

 private:
  void dispatch(LinkId link, Session* session, wire::Message& message);  // what a client may ask of any relay
  void status_asked(LinkId link, const wire::GetStatus& get);
  void report(LinkId link, std::uint64_t id, const std::string& name);
  void flush_status();
  void twin_gone(const std::string& id);
  void save_soon();
  void save_next();

  std::map<std::pair<LinkId, std::uint64_t>, std::string> watches_;  // (link, id) -> name
  std::map<std::string, Core::AlarmId> twins_;  // ids that two tiers use -> when to take it that they no longer do
  Core::AlarmId flush_ = 0, save_ = 0;
  bool saving_ = false;
  std::int64_t flushed_ms_ = -1000000, flush_at_ms_ = 0;
};

}  // namespace pinnate::tier
