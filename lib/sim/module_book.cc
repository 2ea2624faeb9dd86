#include "sim/module_book.h"

#include <utility>

namespace pinnate::sim {

const char* name_of(Step step) {
  constexpr const char* names[] = {"load", "create", "health", "call", "destroy"};
  return names[std::size_t(step)];
}

const char* name_of(Fate fate) {
  constexpr const char* names[] = {"goes well", "fails", "hangs", "kills its process"};
  return names[std::size_t(fate)];
}

void ModuleBook::behave(const Digest& artifact, Step step, Conduct conduct, HostId engine) {
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

const Conduct* ModuleBook::conduct(HostId engine, const Digest& artifact, Step step) const {
  auto found = conduct_.find({artifact, step, engine});
  if (found == conduct_.end()) found = conduct_.find({artifact, step, kNoHost});
  return found == conduct_.end() ? nullptr : &found->second;
}

Micros ModuleBook::usual(Step step) const {
  switch (step) {
    case Step::load:
      return times.load;
    case Step::create:
      return times.create;
    case Step::health:
      return times.health;
    case Step::call:
      return times.call;
    case Step::destroy:
      return times.destroy;
  }
  return 0;
}

Conduct ModuleBook::next(HostId engine, const Digest& artifact, Step step) {
  Conduct conduct;
  if (!conduct_.empty()) {
    if (const Conduct* said = this->conduct(engine, artifact, step)) {
      conduct = *said;
      if (conduct.first_times > 0 && ++tries_[{artifact, step, engine}] > conduct.first_times)
        conduct.fate = Fate::well;
      if (conduct.fate != Fate::well || conduct.takes >= 0) ++seen_[std::size_t(conduct.fate)];
    }
  }
  if (conduct.takes < 0) conduct.takes = usual(step);
  return conduct;
}

void ModuleBook::began(const std::string& payload, HostId engine) {
  if (!count_runs) return;
  Runs& runs = runs_[payload];
  ++runs.begun;
  runs.last = engine;
}

void ModuleBook::ended(const std::string& payload) {
  if (count_runs) ++runs_[payload].ended;
}

ModuleBook::Runs ModuleBook::runs(const std::string& payload) const {
  const auto found = runs_.find(payload);
  return found == runs_.end() ? Runs{} : found->second;
}

}  // namespace pinnate::sim
