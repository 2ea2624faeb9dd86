// What is live where in a fleet for tests: the truth of the world, held beside what its tiers say.
#include "capi/testing_fleet.h"

#include <algorithm>
#include <set>
#include <utility>

namespace pinnate::capi {

constexpr std::int64_t kLookAgainMs = 20;

Result<const char*> TestingFleet::version_on(const char* engine, const std::string& function) const {
  const Result<sim::MachineId> id = find_engine(engine, "engine");
  if (!id.ok()) return id.status();
  const sim::Serving* serving = world_.at(*id).serving(function);
  return serving ? serving->version.c_str() : "";
}

std::uint64_t TestingFleet::count(const std::string& function, const char* version) const {
  return static_cast<std::uint64_t>(std::count_if(engines_.begin(), engines_.end(), [&](sim::MachineId id) {
    const sim::Serving* serving = world_.at(id).serving(function);
    return serving && (!version || serving->version == version);
  }));
}

Status TestingFleet::is_up(const char* tier, int* up, std::uint32_t* lives) const {
  const Result<sim::MachineId> id = find(tier, "tier");
  if (!id.ok()) return id.status();
  if (up) *up = world_.at(*id).up();
  if (lives) *lives = world_.at(*id).lives();
  return {};
}

// ---- waiting ------------------------------------------------------------------------------------

Status TestingFleet::wait_online(std::int64_t limit_ms) {
  const std::int64_t until = world_.now() + limit_ms * sim::kMillisecond;
  for (;;) {
    const auto report = ask_status(nullptr, "");
    if (!report.ok()) return report.status();
    const auto up = static_cast<std::uint64_t>(
        std::count_if(engines_.begin(), engines_.end(), [&](sim::MachineId id) { return world_.at(id).up(); }));
    if (report->online == up) return {};
    const std::int64_t left_ms = (until - world_.now()) / sim::kMillisecond;
    if (left_ms <= 0)
      return {PINNATE_TIMEOUT, std::to_string(up) + " engines are up, and the controller counts " +
                                   std::to_string(report->online) + " online after " + std::to_string(limit_ms) +
                                   " ms"};
    advance(std::min(left_ms, kLookAgainMs));
  }
}

// The engines that are up and for which this release is the newest of its name.
std::vector<sim::MachineId> TestingFleet::selected(std::uint64_t release, const wire::StatusReport& report) const {
  std::vector<std::pair<std::uint64_t, const content::Selector*>> newer;
  const Published& wanted = releases_.at(release);
  for (const wire::StatusRow& row : report.rows) {
    const auto found = releases_.find(row.release);
    if (row.current && row.release > release && found != releases_.end() && row.name == wanted.manifest.name)
      newer.emplace_back(row.release, &found->second.selector);
  }
  std::vector<sim::MachineId> engines;
  for (sim::MachineId id : engines_) {
    const Labels& labels = sites_[id].labels;
    const bool covered =
        std::any_of(newer.begin(), newer.end(), [&](const auto& other) { return other.second->matches(labels); });
    if (world_.at(id).up() && wanted.selector.matches(labels) && !covered) engines.push_back(id);
  }
  return engines;
}

bool TestingFleet::serves(sim::MachineId engine, const Published& release) const {
  const sim::Serving* serving = world_.at(engine).serving(release.manifest.name);
  if (!serving || serving->version != release.manifest.version || !(serving->config == release.config)) return false;
  const content::ArtifactEntry* artifact = release.manifest.artifact_for(sites_[engine].plan->platform);
  return artifact && artifact->digest == serving->artifact;
}

Status TestingFleet::wait_live(std::uint64_t release, std::uint64_t engines, std::int64_t limit_ms) {
  const std::int64_t until = world_.now() + limit_ms * sim::kMillisecond;
  const auto left_ms = [&] { return std::max<std::int64_t>((until - world_.now()) / sim::kMillisecond, 0); };
  const auto found = releases_.find(release);
  if (found == releases_.end())
    return {PINNATE_NOT_FOUND, "release " + std::to_string(release) + " was not published here"};
  const Published& wanted = found->second;
  const std::string& name = wanted.manifest.name;
  auto report = ask_status(nullptr, name);
  if (!report.ok()) return report.status();
  const auto row_of = [&]() -> const wire::StatusRow* {
    for (const wire::StatusRow& row : report->rows)
      if (row.release == release && row.current) return &row;
    return nullptr;
  };
  const Status gone(PINNATE_NOT_FOUND, "release " + std::to_string(release) + " of '" + name +
                                           "' is not current: superseded or withdrawn");
  if (!row_of()) return gone;

  const std::vector<sim::MachineId> all = selected(release, *report);
  const std::size_t least = engines == 0 ? all.size() : engines;
  if (all.empty() || least > all.size())
    return {PINNATE_INVALID, "release " + std::to_string(release) + " of '" + name + "' selects " +
                                 std::to_string(all.size()) + " of the engines that are up" +
                                 (all.empty() ? "" : ", not " + std::to_string(engines))};
  for (;;) {
    std::vector<sim::MachineId> lagging = all;
    const auto enough = [&] {
      std::erase_if(lagging, [&](sim::MachineId id) { return serves(id, wanted); });
      return all.size() - lagging.size() >= least;
    };
    if (!run_until(enough, left_ms())) return not_live(release, all.size(), lagging);
    // Those that served once may not any more.
    lagging = all;
    if (!enough()) continue;
    report = ask_status(nullptr, name);
    if (!report.ok()) return report.status();
    const wire::StatusRow* const row = row_of();
    if (!row) return gone;
    const std::uint64_t live = row->phases[std::size_t(wire::Phase::live)];
    if (live >= least) return {};
    if (left_ms() == 0)
      return {PINNATE_TIMEOUT, "release " + std::to_string(release) + " of '" + name + "' is served by " +
                                   std::to_string(all.size() - lagging.size()) +
                                   " engines, and the controller counts " + std::to_string(live)};
    advance(std::min(left_ms(), kLookAgainMs));
  }
}

Status TestingFleet::not_live(std::uint64_t release, std::size_t selected, const std::vector<sim::MachineId>& lagging) {
  const content::Manifest& manifest = releases_.at(release).manifest;
  std::string words = "release " + std::to_string(release) + " ('" + manifest.name + "' " + manifest.version +
                      ") is served by " + std::to_string(selected - lagging.size()) + " of " +
                      std::to_string(selected) + " engines";
  if (!lagging.empty()) words += "; '" + world_.at(lagging.front()).name() + "': " + why_not(lagging.front(), release);
  return {PINNATE_TIMEOUT, words};
}

std::string TestingFleet::why_not(sim::MachineId engine, std::uint64_t release) {
  if (!world_.at(engine).up()) return "down";
  const auto tiers = ask_tiers(world_.at(engine).name().c_str(), {}, 1000);
  if (!tiers.ok()) return tiers.status().message();
  for (const wire::TierRow& tier : tiers->rows)
    for (const wire::ServiceRow& service : tier.services)
      if (service.release == release)
        return pinnate_phase_name(static_cast<pinnate_phase>(service.phase)) +
               (service.reason.empty() ? "" : ": " + service.reason);
  return "has not heard of it";
}

}  // namespace pinnate::capi
