#include "sim/module_book.h"

#include <utility>

namespace pinnate::sim {
namespace {

constexpr Micros kUsual[] = {4 * kMillisecond, 2 * kMillisecond, kMillisecond,
                             kMillisecond,     kMillisecond,     kMillisecond};  // by Step

}  // namespace

const char* name_of(Step step) {
  constexpr const char* names[] = {"load", "create", "health", "call", "destroy", "assemble"};
  return names[std::size_t(step)];
}

const char* name_of(Fate fate) {
  constexpr const char* names[] = {"goes well", "fails", "hangs", "kills its process"};
  return names[std::size_t(fate)];
}

void ModuleBook::behave(const Digest& artifact, Step step, Conduct conduct, MachineId engine) {
  conduct_[{artifact, step, engine}] = std::move(conduct);
}

void ModuleBook::behave_well(const Digest& artifact) {
  const auto of_it = [&](const auto& entry) { return std::get<0>(entry.first) == artifact; };
  std::erase_if(conduct_, of_it);
  std::erase_if(tries_, of_it);
}

void ModuleBook::end_kills() {
  std::erase_if(conduct_, [](const auto& entry) { return entry.second.fate == Fate::kills; });
}

const Conduct* ModuleBook::conduct(MachineId engine, const Digest& artifact, Step step) const {
  auto found = conduct_.find({artifact, step, engine});
  if (found == conduct_.end()) found = conduct_.find({artifact, step, kNoMachine});
  return found == conduct_.end() ? nullptr : &found->second;
}

Conduct ModuleBook::next(MachineId engine, const Digest& artifact, Step step) {
  Conduct conduct;
  if (!conduct_.empty()) {
    if (const Conduct* said = this->conduct(engine, artifact, step)) {
      conduct = *said;
      if (conduct.first_times > 0 && ++tries_[{artifact, step, engine}] > conduct.first_times)
        conduct.fate = Fate::well;
      if (conduct.fate != Fate::well || conduct.takes >= 0) ++seen_[std::size_t(conduct.fate)];
    }
  }
  if (conduct.takes < 0) conduct.takes = kUsual[std::size_t(step)];
  return conduct;
}

}  // namespace pinnate::sim
