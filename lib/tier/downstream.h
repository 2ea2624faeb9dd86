// All of a controller or a gateway that faces downstream: replicates the desired state, serves
// content, knows the tiers below, folds their status, answers lookups and carries calls.
#pragma once

#include "tier/call_router.h"
#include "tier/directory.h"
#include "tier/engine_finder.h"
#include "tier/inventory.h"
#include "tier/lookup.h"
#include "tier/notices.h"
#include "tier/provider.h"
#include "tier/replicator.h"
#include "tier/watches.h"

namespace pinnate::tier {

inline constexpr std::int64_t kStatusIntervalMs = 100;

class Downstream final : public LinkOwner {
 public:
  struct Parts {
    Core* core;
    Links* links;
    const DesiredState* state;
    Manifests* manifests;
    Inventory* inventory;
    Notices* notices;
    Fetcher* fetcher;  // null: there is nobody to ask for content
  };
  class Owner {
   public:
    // What a client asks of this kind of tier alone.
    virtual void request(LinkId link, wire::Message& message) = 0;
    // `who` below knows of this desired state.
    virtual void heard_of(const wire::Position& position, const std::string& who) = 0;
    // Who is right below told its status, at this desired state.
    virtual void status_taken(const wire::Position&) {}
    virtual std::uint64_t artifact_limit_bytes() { return 0; }  // 0: none of its own
    // See Members::list.
    virtual std::string list_members(const std::string& /*from*/, const LookupPages::Add& /*add*/) { return ""; }
    virtual void tell_status() = 0;  // it has changed, and the interval since the last time is over
    virtual void link_lost(LinkId) {}
    virtual std::int64_t status_interval_ms() { return kStatusIntervalMs; }

   protected:
    ~Owner() = default;
  };
  Downstream(const Parts& parts, Owner* owner, std::uint32_t forget_after_ms);

  Directory& directory() { return directory_; }
  CallRouter& calls() { return calls_; }
  Labels* inherited() { return &inherited_; }  // from above
  void inherited_changed();

  // What the process around may ask; or, over a link from above, what a client may.
  void ask(LinkId link, wire::Message& message) { dispatch(link, nullptr, message); }
  // An answer that took time: whoever asked may be gone.
  void answer(LinkId link, const wire::Message& message);
  // The desired state advanced, or was restored. It needs `manifests`.
  void state_changed(const std::set<Digest>& manifests);
  // Gives up content over the limit that `manifests` do not need.
  void trim(const std::set<Digest>& manifests, std::uint64_t limit_bytes);
  void status_changed();  // told soon
  std::vector<std::string> notices() const;
  // Of what may be lost: a failure is noted, and how it ended is told to whoever wants to know.
  void commit(std::vector<RecordWrite> writes, std::function<void(const Status&)> done = {});
  void close();

  // LinkOwner, of the links downstream
  void fill_hello(wire::Hello* hello) override { hello->position = parts_.state->position(); }
  void fill_welcome(wire::Welcome* welcome) override;
  Status admit(const Session& session) override;
  void link_up(Session& session) override;
  void link_down(Session& session, const Status& why) override;
  void left(Session& session, bool forget) override { directory_.left(session, forget); }
  void message(Session& session, wire::Message& message) override { dispatch(session.link, &session, message); }
  void call(Session& session, wire::CallView call) override { calls_.take(session.link, std::move(call)); }
  void returned(Session& session, wire::ReturnedView returned) override {
    calls_.take(session.link, std::move(returned));
  }
  void room(Session& session) override { provider_.room(session); }
  void refused(const Session& session, const Status& why) override;
  // A link, up or down, is lost: nothing that was asked over it is answered.
  void forget_link(LinkId link);

 private:
  void dispatch(LinkId link, Session* session, wire::Message& message);
  template <class Told>
  void take_status(const Session& session, Told told);
  void look_up(LinkId link, wire::Lookup lookup);
  Labels labels_below();
  void tell_labels(Session& session);  // if they are not what the peer was told last
  wire::StatusReport report(const std::string& name) const;
  void flush_status();
  void save_soon();
  void save_next();

  const Parts parts_;
  Core* core_;
  Owner* owner_;
  Replicator replicator_;
  Directory directory_;
  Provider provider_;
  Inquiries inquiries_;
  LookupPages lookups_;
  EngineFinder finder_;
  CallRouter calls_;
  Watches watches_;
  Labels inherited_;
  Alarm flush_, save_;
  bool saving_ = false, closing_ = false;
  std::int64_t flushed_ms_ = -1000000;
};

}  // namespace pinnate::tier
