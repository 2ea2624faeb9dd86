// What can be done to a fleet for tests.
#include "capi/testing_fleet.h"

#include "base/limits.h"
#include "base/names.h"
#include "capi/boundary.h"

#include <algorithm>
#include <utility>

namespace pinnate::capi {
namespace {

constexpr std::size_t kMostFaults = 100000;
constexpr std::uint32_t kMostTakesMs = 600000;

Status out_of_range(const char* field, long given, const char* kind) {
  return {PINNATE_INVALID, std::string("fault.") + field + " is " + std::to_string(given) + ": no " + kind};
}

// By pinnate_testing_fate. What is only slow goes well.
constexpr sim::Fate kFates[] = {sim::Fate::fails, sim::Fate::hangs, sim::Fate::kills, sim::Fate::well};
static_assert(std::size(kFates) == PINNATE_TESTING_FATE_COUNT && PINNATE_TESTING_FAILS == 0 &&
              PINNATE_TESTING_HANGS == 1 && PINNATE_TESTING_KILLS == 2 && PINNATE_TESTING_SLOW == 3);

// As an engine would put it.
std::string words_of(const pinnate_testing_fault& fault) {
  const std::string said = fault.reason ? fault.reason : "injected by the test";
  const std::string label = std::string("module '") + fault.name + "' " + fault.version + ": ";
  switch (fault.step) {
    case PINNATE_TESTING_LOAD:
      return label + said;
    case PINNATE_TESTING_CREATE:
      return label + "create failed: " + said;
    case PINNATE_TESTING_HEALTH:
      return label + "its health check failed: " + said;
    default:
      return said;
  }
}

Status check(const pinnate_testing_fault& fault) {
  if (Status s = required(fault.name, "fault.name"); !s.ok()) return s;
  if (Status s = required(fault.version, "fault.version"); !s.ok()) return s;
  if (Status s = check_function_name(fault.name); !s.ok()) return s;
  if (Status s = check_version(fault.version); !s.ok()) return s;
  if (fault.step < 0 || fault.step >= PINNATE_TESTING_STEP_COUNT)
    return out_of_range("step", fault.step, "pinnate_testing_step");
  if (fault.fate < 0 || fault.fate >= PINNATE_TESTING_FATE_COUNT)
    return out_of_range("fate", fault.fate, "pinnate_testing_fate");
  if (fault.step == PINNATE_TESTING_DESTROY && fault.fate == PINNATE_TESTING_FAILS)
    return {PINNATE_INVALID, "a destroy cannot fail: it may hang, kill or be slow"};
  if (fault.fate == PINNATE_TESTING_SLOW && fault.takes_ms == 0)
    return {PINNATE_INVALID, "fault.takes_ms is 0: say how slow it is to be"};
  if (fault.takes_ms > kMostTakesMs)
    return {PINNATE_INVALID, "fault.takes_ms is " + std::to_string(fault.takes_ms) + "; at most 600000 are allowed"};
  if (fault.reason && std::string(fault.reason).size() > kReasonBytes)
    return {PINNATE_TOO_LARGE, "fault.reason is longer than 512 bytes"};
  return {};
}

}  // namespace

Status TestingFleet::cut(const char* a, const char* b) {
  const Result<sim::MachineId> one = find(a, "a"), other = find(b, "b");
  if (!one.ok()) return one.status();
  if (!other.ok()) return other.status();
  const TierPlan &upper = *sites_[*one].plan, &lower = *sites_[*other].plan;
  if (upper.parent != lower.name && lower.parent != upper.name)
    return {PINNATE_INVALID,
            "'" + upper.name + "' and '" + lower.name + "' are not adjacent: there is never a link between them"};
  world_.network().cut(*one, *other);
  return {};
}

Status TestingFleet::partition(const char* tier) {
  const Result<sim::MachineId> id = find(tier, "tier");
  if (!id.ok()) return id.status();
  if (sites_[*id].plan->role == PINNATE_ROLE_CONTROLLER)
    return {PINNATE_INVALID, "everything is below the controller: name the tiers that are to be apart from it"};
  std::vector<sim::MachineId> island{*id};
  for (const std::string below = std::string(tier) + "."; const auto& [name, other] : names_)
    if (name.starts_with(below)) island.push_back(other);
  world_.network().partition(island);
  return {};
}

Status TestingFleet::kill(const char* tier, sim::Machine::Crash how) {
  const Result<sim::MachineId> id = find_up(tier);
  if (id.ok()) world_.at(*id).crash(how);
  return id.status();
}

Status TestingFleet::stop(const char* tier) {
  const Result<sim::MachineId> id = find_up(tier);
  if (id.ok()) world_.at(*id).close();
  return id.status();
}

Status TestingFleet::restart(const char* tier) {
  const Result<sim::MachineId> id = find(tier, "tier");
  if (!id.ok()) return id.status();
  sim::Machine& host = world_.at(*id);
  if (host.up()) host.crash(sim::Machine::Crash::kill);
  host.start();
  return {};
}

// ---- modules ------------------------------------------------------------------------------------

void TestingFleet::apply(const Title& title, const Fault& fault) {
  for (const Digest& artifact : artifacts_[title])
    world_.modules().behave(artifact, fault.step, fault.conduct, fault.engine);
}

void TestingFleet::behave_well(const Title& title) {
  for (const Digest& artifact : artifacts_[title]) world_.modules().behave_well(artifact);
}

Status TestingFleet::inject(const pinnate_testing_fault& given) {
  if (Status s = check(given); !s.ok()) return s;
  Fault fault{static_cast<sim::Step>(given.step), {}, sim::kNoMachine};
  if (given.engine) {
    const Result<sim::MachineId> engine = find_engine(given.engine, "fault.engine");
    if (!engine.ok()) return engine.status();
    fault.engine = *engine;
  }
  fault.conduct.fate = kFates[given.fate];
  fault.conduct.first_times = given.first_times;
  if (given.takes_ms != 0) fault.conduct.takes = sim::Micros(given.takes_ms) * sim::kMillisecond;
  fault.conduct.words = words_of(given);
  const Title title(given.name, given.version);
  std::vector<Fault>& faults = faults_[title];
  const auto same = std::find_if(faults.begin(), faults.end(), [&](const Fault& other) {
    return other.step == fault.step && other.engine == fault.engine;
  });
  if (same != faults.end()) {
    *same = fault;
    behave_well(title);  // what counts to first_times begins anew
    for (const Fault& one : faults) apply(title, one);
    return {};
  }
  if (fault_count_ >= kMostFaults) return {PINNATE_BUSY, "100000 faults are injected: cure some first"};
  ++fault_count_;
  faults.push_back(fault);
  apply(title, fault);
  return {};
}

Status TestingFleet::cure(const std::string& name, const std::string& version) {
  const auto found = faults_.find({name, version});
  if (found == faults_.end()) return {PINNATE_NOT_FOUND, "nothing is injected for module '" + name + "' " + version};
  behave_well(found->first);
  fault_count_ -= found->second.size();
  faults_.erase(found);
  return {};
}

}  // namespace pinnate::capi
