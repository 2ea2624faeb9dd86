// One function of an engine: the service that takes its calls, and the way to the one that should.
#pragma once

#include "tier/core.h"
#include "tier/desired_state.h"
#include "tier/fetcher.h"
#include "tier/module_step.h"
#include "tier/module_turns.h"
#include "tier/notices.h"

namespace pinnate::tier {

// What a slot tells its engine, and asks of it.
class SlotOwner {
 public:
  virtual void row_changed() = 0;  // report, save
  virtual void row_moved() = 0;  // on its way: worth a report if it takes long
  virtual void artifact_retired() = 0;  // one may be in use no longer
  virtual void emptied(const std::string& function) = 0;
  virtual ServiceId new_service() = 0;
  // Whether this artifact may be loaded now; else why not, and for how long it is to wait.
  virtual std::optional<std::string> hold(const Digest& artifact, std::int64_t* wait_ms) = 0;
  virtual void kept(const std::vector<wire::KeptImage>& images) = 0;  // what stays in memory, as it is now
  virtual void wedged(const std::string& who, bool wedged) = 0;  // a load passed its limit; or came back after all
  virtual void came_back(const std::string& function, ServiceId id) = 0;  // one that was left behind is gone

 protected:
  ~SlotOwner() = default;
};

// What slots of one engine share.
struct SlotWorld {
  SlotOwner* owner;
  Core* core;
  Manifests* manifests;
  Inventory* inventory;
  Fetcher* fetcher;
  std::string platform;
  std::set<std::string> loaders;  // none: any
  Notices* notices;
  ModuleTurns* turns;
  std::unordered_map<std::string, std::uint32_t>* call_limits_ms;  // of functions that take calls now
  std::map<std::string, std::set<ServiceId>> left_behind{};  // by function: a module has not let go of them
};

class Slot {
 public:
  Slot(SlotWorld* world, std::string function);

  // What the desired state wants for this function now; null: nothing.
  void want(DesiredState::SharedEntry entry);
  void source_up();  // what failed for want of a link is tried again
  void put_off();
  void retry_if_held();  // a hold may have ended
  void loader_added();
  void way_may_be_free();  // something that was there is gone
  void close();  // drains and destroys whatever is there
  bool empty() const { return !wanted_ && !active_ && !candidate_ && steps_.empty() && leaving_.empty(); }

  std::vector<wire::ServiceRow> rows() const;
  void artifacts_in_use(std::set<Digest>* used) const;

  // What its steps say. Done: the candidate goes on, with its service and its turn.
  void step_done(ModuleStep& step, Completion& c);
  void step_failed(const std::string& reason, bool wedges);  // late: the candidate has lost both
  void step_over(ModuleStep& step);  // deletes it
  void destroy(ServiceId id);
  void noted(const Completion& c);  // of any order about a module
  void abandon(ServiceId id);

 private:
  struct Service {
    ServiceId id = 0;
    DesiredState::SharedEntry entry;
    std::shared_ptr<const content::Manifest> manifest;
    std::uint32_t place = 0;  // of its artifact in the manifest
    bool one_at_a_time = false;  // its module says so
    Alarm trust;
  };
  struct Candidate {
    std::uint64_t attempt = 0;  // tells late answers apart
    DesiredState::SharedEntry entry;
    bool restores = false;  // it is the former one, again
    bool stops_first = false;  // no other service of the function may be there when it is made
    bool one_at_a_time = false;  // its module says so
    bool waits = false;  // for the way to be free, and then:
    void (Slot::*go)() = nullptr;
    Alarm patience;
    std::shared_ptr<const content::Manifest> manifest;
    std::uint32_t place = 0;  // of the artifact in the manifest
    std::uint32_t missing = 0;  // chunks still to come
    ServiceId service = 0;  // made; 0: not yet
    bool has_turn = false;
    ModuleStep* step = nullptr;  // under way: it owns service and turn
    void (Slot::*then)(Completion&) = nullptr;  // when that is done
    const content::ArtifactEntry& artifact() const { return manifest->artifacts[place]; }
  };
  struct Leaving {
    // Until its limit, or it is tried again; else it waits for its turn, or for calls over the
    // limit.
    Alarm alarm;
    Token drain = 0;  // under way
  };
  using Hang = ModuleStep::Hang;
  void begin();
  // Says so, and rests.
  bool lacks(const std::string& what, const std::vector<std::string>& needs,
             std::span<const std::string_view> known = {});
  void incompatible(const std::string& why);
  void fetch();
  void chunk_arrived(std::uint64_t attempt, const Status& status, std::uint32_t index);
  void ask_for_turn(void (Slot::*then)());
  bool is_held();
  // A service is not to live beside another: that is drained, destroyed and unloaded first, while
  // calls wait. It is made again where its successor fails.
  void make_way(void (Slot::*go)());
  void look_at_way();
  void go_on();
  bool alone() const;
  bool has_left_behind() const;
  bool drains(const Service& service) const;
  void stop_active();
  void take_back();  // the former one goes on
  void bring_back();
  void not_brought_back(const std::string& reason);
  void end_calls();
  void blocked(const std::string& why);
  void assemble();
  void assembled(Completion& c);
  void damaged(const Completion& c);
  void load();
  void loaded(Completion& c);
  void create();
  void created(Completion& c);
  void checked(Completion& c);
  void go_live();
  void adopt();  // the active service is just what the new release wants
  void fail(const std::string& reason, std::int64_t wait_ms = 0);  // tried again after wait_ms, or by the backoff
  void set(wire::Phase phase, std::string reason = "");
  void drop_candidate();
  void trust_later(Service& service);
  void retire(Service service);
  void drain(ServiceId id);
  void wait_for_calls(const Service& service);
  void destroyed(ServiceId id, const Status& status);
  void give_up(ServiceId id);
  std::string drain_notice(ServiceId id) const;
  void ended();  // something that keeps the slot from being empty
  Token start(std::uint32_t limit_ms, const char* doing, Hang hang, void (Slot::*then)(Completion&));
  std::string named() const;
  // For answers that may come when this slot is gone.
  std::weak_ptr<const bool> life() const { return alive_; }

  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
  SlotWorld* world_;
  Core* core_;
  std::string function_;
  DesiredState::SharedEntry wanted_;
  wire::Phase phase_ = wire::Phase::pending;
  std::string reason_;
  std::optional<Service> active_;
  std::optional<Service> former_;  // it has made way, and nothing has taken its place yet
  std::optional<Candidate> candidate_;
  std::uint64_t attempts_ = 0;
  std::list<ModuleStep> steps_;  // under way, of dropped candidates too
  std::uint32_t damaged_ = 0;  // how often its stored chunks were, in a row
  bool closing_ = false;
  bool has_wedged_ = false;  // the release that is wanted has, before
  bool blocked_ = false;  // it failed because another service is still there
  Backoff backoff_;
  Alarm again_, way_;
  std::map<ServiceId, Leaving> leaving_;  // draining or destroyed
};

}  // namespace pinnate::tier
