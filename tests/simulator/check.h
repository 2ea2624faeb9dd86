// A promise under watch. Checks know the simulated world and what its users asked for; what tiers
// say of themselves is what they hold against it. Each is told of every occurrence, in order, and
// complains in words.
#pragma once

#include "simulator/fleet.h"
#include "simulator/ledger.h"
#include "wire/message.h"
#include "world/test_world.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace pinnate::simulator {

// An occurrence, with the message decoded if it is of a kind that some check looks at.
struct Sight {
  const sim::Occurrence& o;
  const Member* member = nullptr;  // whose host it is; null: none
  const wire::Message* message = nullptr;
  sim::MachineId peer = sim::kNoMachine;  // at the other end of the link that was sent on

  template <class T>
  const T* sent() const {
    return o.what == sim::What::sent && message ? std::get_if<T>(message) : nullptr;
  }
  template <class T>
  const T* received() const {
    return o.what == sim::What::received && message ? std::get_if<T>(message) : nullptr;
  }
};

// A request of the simulated users, as it was made.
struct Order {
  enum class Kind : std::uint8_t { publish, unpublish, call } kind = Kind::publish;
  sim::MachineId host = sim::kNoMachine;
  std::uint32_t life = 0;
  std::uint64_t id = 0;
  std::string function, version, selector, config, payload, engine;
  std::uint64_t release = 0;  // unpublish: 0 is all
  std::vector<std::uint64_t> withdraws;  // unpublish: what it names of the releases that were current
  bool idempotent = false;
  std::uint32_t answers = 0;
  Code code = PINNATE_OK;  // of the answer
};

// What was injected that excuses something.
struct Excuses {
  std::map<sim::MachineId, bool> disk_misbehaved;  // in this life: reads or writes were made to fail or to come late
  std::set<std::tuple<sim::MachineId, Digest, std::uint32_t>> damaged_chunks;  // artifact and index
};

struct Situation {
  sim::TestWorld& world;
  const Plan& plan;
  Fleet& fleet;
  Ledger& ledger;
  Excuses& excuses;
  std::vector<Order>& orders;
};

class Check {
 public:
  using Complain = std::function<void(int promise, std::string what)>;
  Check(Situation& situation, Complain complain) : s_(situation), complain_(std::move(complain)) {}
  virtual ~Check() = default;
  virtual void look(const Sight&) {}
  // A desired state has become durable at the controller.
  virtual void decided(const Ledger::Change&) {}
  // Faults have stopped, time has passed, and the fleet should be as desired.
  virtual void at_rest() {}

 protected:
  const std::string& name_of(sim::MachineId host) const { return s_.world.at(host).name(); }
  Situation& s_;
  Complain complain_;
};

std::vector<std::unique_ptr<Check>> make_checks(Situation& situation, const Check::Complain& complain);

// One per promise, or per part of one that is seen on its own.
std::unique_ptr<Check> make_only_what_was_published(Situation&, Check::Complain);  // 2
std::unique_ptr<Check> make_never_back(Situation&, Check::Complain);  // 2
std::unique_ptr<Check> make_acknowledged_is_kept(Situation&, Check::Complain);  // 3
std::unique_ptr<Check> make_one_service(Situation&, Check::Complain);  // 4
std::unique_ptr<Check> make_one_outcome(Situation&, Check::Complain);  // 5
std::unique_ptr<Check> make_bounded(Situation&, Check::Complain);  // 6
std::unique_ptr<Check> make_once_per_link(Situation&, Check::Complain);  // 7
std::unique_ptr<Check> make_one_id(Situation&, Check::Complain);  // 8
std::unique_ptr<Check> make_never_cut(Situation&, Check::Complain);  // 1

}  // namespace pinnate::simulator
