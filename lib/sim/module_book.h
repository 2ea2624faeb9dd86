// How modules behave in this world, by artifact.
#pragma once

#include "base/buffer.h"
#include "base/digest.h"
#include "sim/occurrence.h"

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <tuple>

namespace pinnate::sim {

class OutsideLoader;

enum class Step : std::uint8_t { load, create, health, call, destroy, assemble };
const char* name_of(Step step);

enum class Fate : std::uint8_t {
  well,
  fails,
  hangs,  // never ends
  kills,  // takes its process down
};
const char* name_of(Fate fate);

struct Conduct {
  Fate fate = Fate::well;
  std::uint32_t first_times = 0;  // so often on each engine, then well; 0: always
  Micros takes = -1;  // -1: as all modules do
  std::string words = "the module said no";
  std::size_t result_bytes = 0;  // the result of a call is at least so large
};

class ModuleBook {
 public:
  OutsideLoader* outside = nullptr;  // null: every module is simulated

  // On every engine, or on one alone, which then goes before what is true of all.
  void behave(const Digest& artifact, Step step, Conduct conduct, MachineId engine = kNoMachine);
  void behave_well(const Digest& artifact);
  void end_kills();  // nothing takes its process down any more
  // What is said of this step on this engine, without counting a try.
  const Conduct* conduct(MachineId engine, const Digest& artifact, Step step) const;

  // How often a step ended so because of what was said of it, by Fate; `well`: it was slow.
  const std::array<std::uint64_t, 4>& seen() const { return seen_; }

  // The module of this artifact says that it is one at a time.
  void one_at_a_time(const Digest& artifact) { one_at_a_time_.insert(artifact); }
  bool is_one_at_a_time(const Digest& artifact) const { return one_at_a_time_.contains(artifact); }

  // What this step does now; counts the try. `takes` is always set.
  Conduct next(MachineId engine, const Digest& artifact, Step step);

  // A call begins to run on an engine; or has run, where `ended`.
  std::function<void(MachineId engine, const Buffer& payload, bool ended)> on_run;

 private:
  using Key = std::tuple<Digest, Step, MachineId>;
  std::map<Key, Conduct> conduct_;
  std::array<std::uint64_t, 4> seen_{};
  std::map<Key, std::uint32_t> tries_;
  std::set<Digest> one_at_a_time_;
};

}  // namespace pinnate::sim
