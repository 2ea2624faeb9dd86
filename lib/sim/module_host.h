// The modules of one simulated engine in one life: answers orders as a real service host would,
// with behaviour from the world's book. It holds the truth about what an engine serves.
#pragma once

#include "content/record.h"
#include "sim/chunk_verifier.h"
#include "sim/disk.h"
#include "sim/module_book.h"
#include "sim/outside.h"
#include "tier/action.h"

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace pinnate::sim {

// The service that takes a function's calls now.
struct Serving {
  std::string function;
  tier::ServiceId service = 0;
  std::string name, version;
  Digest artifact;
  Buffer config;
  bool held = false;  // it does not: calls wait for the one that comes after it
};

// What a module host needs of the host that it is in. None of it is called from inside an order.
class EngineHost {
 public:
  virtual ~EngineHost() = default;
  virtual void later(Micros delay, std::function<void()> work) = 0;  // unless this life ends before
  virtual void answer(tier::Completion completion) = 0;
  virtual void die(std::string why) = 0;  // a module took the process down
  virtual void breach(std::string what) = 0;  // the tier asked for what it may not
};

class ModuleHost {
 public:
  ModuleHost(MachineId id, EngineHost& host, const Disk& disk, ModuleBook& book, ChunkVerifier& verifier)
      : id_(id), host_(host), disk_(disk), book_(book), verifier_(verifier) {}

  void order(tier::Assemble assemble);
  void order(tier::Load load);
  void order(tier::Create create);
  void order(tier::CheckHealth check);
  void order(tier::Activate activate);
  void order(tier::Hold hold);
  void order(tier::Deactivate deactivate);
  void order(tier::Drain drain);
  void order(tier::Destroy destroy);
  void order(tier::Abandon abandon);
  void order(tier::Trust trust);
  void order(tier::Invoke invoke);
  void order(tier::GiveUp give_up);  // what a simulated call does goes on; its result is not asked for

  // ---- the truth ----
  const Serving* serving(std::string_view function) const;
  const std::vector<Serving>& all_serving() const { return serving_; }  // the held ones too
  // A module holds a service of this function for good: in a call that never ends, or given up.
  bool held_up(std::string_view function) const;
  Digest artifact_of(tier::ServiceId service) const;  // zero: no such service
  // Made and not destroyed, serving or draining.
  std::size_t services() const { return services_.size(); }
  bool wedged() const { return wedged_; }  // inside a load that never ends
  std::size_t left_behind() const;  // of them: abandoned or draining, and nothing can end what they are in
  // Services of this function in which a module's code lives: in create, or made and not destroyed.
  std::size_t created(std::string_view function) const;
  // Services inside a load, create, health check or call now; and those created and not yet
  // trusted.
  std::vector<Restored::Death> inside() const;
  std::vector<Restored::Death> young() const;

 private:
  struct Service {
    tier::Assemble of;
    tier::ServiceId id = 0;
    enum : std::uint8_t { assembling, assembled, loading, loaded, creating, created, abandoned } state = assembling;
    bool lives = false;  // created, or about to be
    bool trusted = false;
    bool healthy = false;  // its health check has passed
    bool checking = false;
    std::uint32_t calls = 0;
    bool hung = false;  // in a call that never ends
    tier::Token draining = 0, gone = 0;
    std::unique_ptr<OutsideModule> outside;  // null: simulated
  };
  using LaneOrder = std::variant<tier::Assemble, tier::Load, tier::Create, tier::CheckHealth, tier::Destroy>;

  Service* find(tier::ServiceId id);
  Service* must_find(tier::ServiceId id, const char* verb);
  void complete(tier::Token token, Status status = {}, Buffer bytes = {}, std::vector<std::uint32_t> chunks = {},
                bool one_at_a_time = false);
  void queue(LaneOrder order);
  void begin_next();
  void begin(const tier::Assemble& assemble);
  void begin(const tier::Load& load);
  void begin(const tier::Create& create);
  void begin(const tier::CheckHealth& check);
  void begin(const tier::Destroy& destroy);
  // Ends, unless the service is given up before: then it holds nothing up any more.
  void in_lane(tier::ServiceId id, Step step, std::function<void(Service&, const Conduct&)> end);
  void finish_load(const tier::Load& load, const Conduct& conduct);
  bool takes_calls(tier::ServiceId id) const;
  void call_outside(const tier::Invoke& invoke, tier::ServiceId id, Micros takes);
  void end_call(tier::ServiceId id);
  bool abandoned(tier::ServiceId id);
  void came_back(tier::ServiceId id);
  struct Held {
    std::string function;
    std::list<tier::Invoke> calls;
  };
  Held* held(std::string_view function);
  void end_hold(std::string_view function);

  MachineId id_;
  EngineHost& host_;
  const Disk& disk_;
  ModuleBook& book_;
  ChunkVerifier& verifier_;
  std::vector<Service> services_;  // few
  std::vector<Serving> serving_;
  std::vector<Held> held_;  // functions that are being replaced, and what waits for them
  // Orders to modules run one at a time, as in the engine. One that takes long holds up all later
  // ones until its service is abandoned; nothing ends a load that hangs: the C library has a lock.
  std::list<LaneOrder> lane_;
  bool lane_busy_ = false, wedged_ = false;
  tier::ServiceId in_lane_ = 0;  // what abandoning frees the lane of; 0: nothing, or a load
};

}  // namespace pinnate::sim
