// A fleet for tests: a simulated world of a planned shape, and what a host asks of it. One thread
// at a time; every function that lets time pass runs the world until what it waits for has come.
#pragma once

#include "base/status.h"
#include "capi/convert.h"
#include "capi/publish_order.h"
#include "capi/testing_loader.h"
#include "capi/testing_plan.h"
#include "capi/testing_replies.h"
#include "content/selector.h"
#include "sim/world.h"
#include "wire/message.h"

#include <pinnate/testing.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace pinnate::capi {

class TestingFleet {
 public:
  explicit TestingFleet(FleetPlan plan);
  ~TestingFleet();
  TestingFleet(const TestingFleet&) = delete;
  TestingFleet& operator=(const TestingFleet&) = delete;

  const Rows<pinnate_testing_tier>& tiers() const { return rows_; }
  Status add_loader(const pinnate_loader& loader) { return loader_.add(loader); }

  // ---- time ----
  std::uint64_t now_ms() const { return static_cast<std::uint64_t>(world_.now() / sim::kMillisecond); }
  void advance(std::int64_t ms);
  bool run_until(const std::function<bool()>& holds, std::int64_t limit_ms);
  Status wait_online(std::int64_t limit_ms);
  Status wait_live(std::uint64_t release, std::uint64_t engines, std::int64_t limit_ms);

  // ---- requests; where `tier` is NULL, of the controller ----
  Result<pinnate_published> publish(const runtime::PublishOrder& order);
  Status unpublish(wire::Unpublish question);
  Status call(const char* tier, wire::Call question, pinnate_bytes* result);
  Status begin_call(const char* tier, wire::Call question, pinnate_result_fn on_result, void* arg);

  // ---- what is live where; what they give is valid until the next of them ----
  Result<const pinnate_rollup*> status(const char* tier, const std::string& name);
  struct Page {
    const Rows<pinnate_row>* rows;
    const char* next;
  };
  Result<Page> lookup(const char* tier, const wire::Lookup& question);
  Result<const pinnate_row*> engine(const char* name);
  Result<const char*> version_on(const char* engine, const std::string& function) const;
  std::uint64_t count(const std::string& function, const char* version) const;
  Status is_up(const char* tier, int* up, std::uint32_t* lives) const;

  // ---- faults ----
  Status cut(const char* a, const char* b);
  Status partition(const char* tier);
  void heal() { world_.network().heal(); }
  Status kill(const char* tier, sim::Machine::Crash how);
  Status stop(const char* tier);
  Status restart(const char* tier);
  Status inject(const pinnate_testing_fault& fault);
  Status cure(const std::string& name, const std::string& version);

  // A tier that did what its contract with the driver forbids: a defect of ours, whatever the host
  // did.
  Status breach() const;

 private:
  struct Site {  // where a tier stands, and what is known of it for good
    const TierPlan* plan;
    Labels labels;  // of an engine: with those it inherits
  };
  struct Published {
    content::Manifest manifest;
    content::Selector selector;
    Buffer config;
  };
  struct BegunCall {
    sim::MachineId host;
    std::uint32_t life;
    pinnate_result_fn on_result;
    void* arg;
  };
  struct Asked {  // a host with calls that were begun there
    std::size_t calls = 0;
    std::uint32_t life = 0;  // that it was seen in; 0: down
  };
  struct Fault {
    sim::Step step;
    sim::Conduct conduct;
    sim::MachineId engine;
  };
  using Title = std::pair<std::string, std::string>;  // a module's name and version

  void build();
  Result<sim::MachineId> find(const char* tier, const char* argument) const;
  Result<sim::MachineId> find_engine(const char* tier, const char* argument) const;
  Result<sim::MachineId> find_up(const char* tier) const;
  void deliver();
  void deliver_results(sim::MachineId host, Asked& asked);
  void end_call(std::uint64_t id, const Status& status, const Buffer& result);
  template <class Answer, class Question>
  Result<Answer> ask(const char* tier, Question question, std::int64_t limit_ms = 60000);
  template <class Answer>
  Result<Answer> await(sim::MachineId host, std::uint64_t request, std::int64_t limit_ms = 60000);

  Result<wire::StatusReport> ask_status(const char* tier, const std::string& name);
  Result<wire::Tiers> ask_tiers(const char* tier, wire::Lookup question, std::int64_t limit_ms);
  std::vector<sim::MachineId> selected(std::uint64_t release, const wire::StatusReport& current) const;
  bool serves(sim::MachineId engine, const Published& release) const;
  std::string why_not(sim::MachineId engine, std::uint64_t release);
  Status not_live(std::uint64_t release, std::size_t wanted, const std::vector<sim::MachineId>& lagging);
  void apply(const Title& title, const Fault& fault);
  void behave_well(const Title& title);

  const FleetPlan plan_;
  std::vector<Site> sites_;  // by MachineId, which is the place in the plan
  Rows<pinnate_testing_tier> rows_;
  std::vector<Rows<pinnate_label>> row_labels_;
  std::unordered_map<std::string, sim::MachineId> names_;
  std::vector<sim::MachineId> engines_;

  const std::shared_ptr<TestingReplies> replies_;
  TestingLoader loader_;
  sim::World world_;  // goes before the loader that its engines use

  std::map<std::uint64_t, Published> releases_;  // all that were ever published, by number
  std::map<Title, std::vector<Digest>> artifacts_;
  std::map<Title, std::vector<Fault>> faults_;
  std::size_t fault_count_ = 0;
  std::map<std::uint64_t, BegunCall> begun_;  // by the id of the request
  std::map<sim::MachineId, Asked> asked_;

  // What was handed out last.
  std::optional<wire::StatusReport> report_;
  std::optional<RollupView> rollup_;
  std::optional<wire::Tiers> page_;
  std::optional<TiersView> page_view_;
  Buffer result_;
};

}  // namespace pinnate::capi
