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

 private:
  struct Service {
    ServiceId id = 0;
    DesiredState::SharedEntry entry;
    Digest artifact;
    std::uint32_t drain_limit_ms = 0;
    Alarm trust;
  };
  struct Candidate {
    std::uint64_t attempt = 0;  // tells late answers apart
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
  bool lacks(const std::string& what, const std::vector<std::string>& needs);  // says so, and rests
  void incompatible(const std::string& why);
  void fetch();
  void chunk_arrived(std::uint64_t attempt, const Status& status, std::uint32_t index);
  void ask_for_turn();
  void assemble();
  void assembled(Completion& c);
  void damaged(const Completion& c);
  void load();
  void loaded(Completion& c);
  void created(Completion& c);
  void checked(Completion& c);
  void go_live();
  void adopt();  // the active service is just what the new release wants
  void fail(const std::string& reason, std::int64_t wait_ms = 0);  // tried again after wait_ms, or by the backoff
  void set(wire::Phase phase, std::string reason = "");
  void drop_candidate();
  void retire(Service service);
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
  std::optional<Candidate> candidate_;
  std::uint64_t attempts_ = 0;
  std::list<ModuleStep> steps_;  // under way, of dropped candidates too
  std::uint32_t damaged_ = 0;  // how often its stored chunks were, in a row
  bool closing_ = false;
  bool has_wedged_ = false;  // the release that is wanted has, before
  Backoff backoff_;
  Alarm again_;
  std::map<ServiceId, Leaving> leaving_;  // draining or destroyed
};

}  // namespace pinnate::tier
