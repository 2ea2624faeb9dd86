#include "simulator/rest.h"

#include "simulator/users.h"

#include <algorithm>
#include <numeric>
#include <set>

namespace pinnate::simulator {
namespace {

constexpr std::int64_t kAskEveryMs = 1000;

}  // namespace

const content::ArtifactEntry* Rest::artifact_of(const content::Release& release) const {
  const sim::Shelf::Book* book = s_.world.book(release.manifest);
  return book ? book->manifest.artifact_for("linux-x86_64") : nullptr;
}

bool Rest::serves(const Member& engine, const content::Release& release) const {
  const sim::Serving* now = s_.world.serving(engine.name, release.name);
  const content::ArtifactEntry* artifact = artifact_of(release);
  return now && artifact && now->artifact == artifact->digest && now->config == release.config;
}

// A module that fails, hangs or is too slow, for ever, in a step that it must pass.
bool Rest::cannot_start(const Member& engine, const content::Release& release, const Digest& artifact) const {
  const content::Limits& limits = s_.world.book(release.manifest)->manifest.limits;
  const std::pair<sim::Step, std::uint32_t> steps[] = {
      {sim::Step::load, limits.load_ms}, {sim::Step::create, limits.create_ms}, {sim::Step::health, limits.health_ms}};
  for (const auto& [step, limit_ms] : steps) {
    const sim::Conduct* conduct = s_.world.modules().conduct(engine.host, artifact, step);
    if (!conduct) continue;
    if (conduct->first_times == 0 && conduct->fate != sim::Fate::well) return true;
    if (conduct->takes >= sim::Micros(limit_ms) * sim::kMillisecond) return true;
  }
  return false;
}

Rest::Should Rest::should(const Member& engine, const std::string& function, const content::Release** chosen) const {
  *chosen = s_.ledger.current().choose(function, s_.fleet.labels_of(engine));
  if (!*chosen) return Should::nothing;
  const content::ArtifactEntry* artifact = artifact_of(**chosen);
  if (!artifact) return Should::incompatible;
  if (cannot_start(engine, **chosen, artifact->digest)) return Should::excused;
  // Promise 1 exempts an engine that a constructor has wedged, until it restarts.
  const sim::ModuleHost* modules = s_.world.at(engine.host).modules();
  // So it is with what may not be made beside a service that does not end.
  if (modules && function == function_name(kOneAtATime) && modules->held_up(function) && !serves(engine, **chosen))
    return Should::excused;
  if (modules && modules->wedged() && !serves(engine, **chosen)) return Should::excused;
  return Should::serve;
}

std::string Rest::not_converged() const {
  for (const Member* engine : s_.fleet.engines()) {
    if (!s_.fleet.up(*engine)) return engine->name + " is down";
    for (std::uint32_t f = 0; f < kFunctions; ++f) {
      const std::string function = function_name(f);
      const content::Release* chosen = nullptr;
      const Should what = should(*engine, function, &chosen);
      const sim::Serving* now = s_.world.serving(engine->name, function);
      if (what == Should::nothing && now)
        return engine->name + " still serves '" + function + "' " + now->version + ", which was withdrawn";
      if (what == Should::serve && !serves(*engine, *chosen))
        return engine->name + " should serve '" + function + "' by release " + std::to_string(chosen->number) + " (" +
               chosen->version + ") and serves " + (now ? now->version : "nothing");
    }
  }
  return "";
}

std::vector<std::uint64_t> Rest::tried_in_vain(const Member& engine) const {
  std::vector<std::uint64_t> releases;
  for (std::uint32_t f = 0; f < kFunctions; ++f) {
    const content::Release* chosen = nullptr;
    if (should(engine, function_name(f), &chosen) == Should::excused && !serves(engine, *chosen))
      releases.push_back(chosen->number);
  }
  return releases;
}

std::string Rest::not_told(std::int64_t limit_ms) const {
  std::set<std::pair<std::string, std::uint64_t>> awaited;  // engine's id, release
  for (const Member* engine : s_.fleet.engines())
    for (const std::uint64_t release : tried_in_vain(*engine)) awaited.emplace(engine->id, release);
  for (std::int64_t waited_ms = 0; !awaited.empty(); waited_ms += kAskEveryMs) {
    wire::Lookup failed;
    failed.phase = 1 + std::uint8_t(wire::Phase::failed);
    failed.limit = 1000;  // more than a fleet has
    const auto page = s_.world.ask<wire::Tiers>(kController, failed);
    if (page.code != PINNATE_OK) return "the controller does not say who failed: " + page.reason;
    for (const wire::TierRow& row : page.rows)
      for (const wire::ServiceRow& service : row.services)
        if (service.phase == wire::Phase::failed && !service.reason.empty()) awaited.erase({row.id, service.release});
    if (awaited.empty()) break;
    if (waited_ms >= limit_ms)
      return "'" + awaited.begin()->first + "' cannot serve release " + std::to_string(awaited.begin()->second) +
             ", and in " + std::to_string(waited_ms / 1000) + " s nobody was told why";
    s_.world.advance(kAskEveryMs);
  }
  return "";
}

// ---- counts -------------------------------------------------------------------------------------

std::vector<const Member*> Rest::up() const {
  std::vector<const Member*> engines = s_.fleet.engines();
  std::erase_if(engines, [&](const Member* m) { return !s_.fleet.up(*m); });
  return engines;
}

std::string Rest::counts_wrong(std::uint64_t offline) const {
  const auto status = s_.world.ask<wire::StatusReport>(kController, wire::GetStatus{});
  if (status.code != PINNATE_OK) return "the controller does not answer for its status: " + status.reason;
  const std::uint64_t engines = up().size(), gateways = s_.fleet.gateways().size();
  const auto differs = [](const std::string& what, std::uint64_t said, std::uint64_t truth) {
    return "status says " + std::to_string(said) + " " + what + ", and there are " + std::to_string(truth);
  };
  if (status.online != engines) return differs("engines online", status.online, engines);
  if (status.offline != offline) return differs("engines offline", status.offline, offline);
  if (status.gateways_online != gateways) return differs("gateways online", status.gateways_online, gateways);
  if (status.gateways_offline != 0) return differs("gateways offline", status.gateways_offline, 0);
  std::set<std::uint64_t> shown;
  for (const wire::StatusRow& row : status.rows) {
    if (const std::string wrong = row_wrong(row, offline); !wrong.empty()) return wrong;
    if (row.current) shown.insert(row.release);
  }
  for (const auto& [number, release] : s_.ledger.current().releases)
    if (!shown.contains(number))
      return "status does not show release " + std::to_string(number) + " (" + release.name + ")";
  if (s_.ledger.numbers_used_twice()) return "";
  // Whoever serves something is counted for it once, whichever release it came by.
  std::map<std::pair<std::string, std::string>, std::uint64_t> said, truth;
  for (const wire::StatusRow& row : status.rows)
    if (row.serving > 0) said[{row.name, row.version}] += row.serving;
  for (const Member* engine : up())
    for (const sim::Serving& serving : s_.world.at(engine->host).modules()->all_serving())
      ++truth[{serving.function, serving.version}];
  for (const auto& [title, count] : truth)
    if (said[title] != count) return differs("engines serving " + title.first + "@" + title.second, said[title], count);
  for (const auto& [title, count] : said)
    if (truth[title] != count)
      return differs("engines serving " + title.first + "@" + title.second, count, truth[title]);
  return "";
}

std::string Rest::row_wrong(const wire::StatusRow& row, std::uint64_t offline) const {
  using wire::Phase;
  const auto said = [&](Phase phase) { return row.phases.at(std::size_t(phase)); };
  const std::string which = "release " + std::to_string(row.release) + " (" + row.name + "@" + row.version + "): ";
  const std::uint64_t engines = up().size() + offline;
  const std::uint64_t sum = std::accumulate(row.phases.begin(), row.phases.end(), std::uint64_t{0});
  if (sum != engines)
    return which + "its phases sum to " + std::to_string(sum) + ", and there are " + std::to_string(engines) +
           " engines";
  if (row.serving_offline > offline || said(Phase::offline) != offline)
    return which + "status says " + std::to_string(said(Phase::offline)) + " offline, " +
           std::to_string(row.serving_offline) + " of them serving it, and " + std::to_string(offline) + " are offline";
  // A number that was given twice has a row for each of its releases.
  const auto found = s_.ledger.current().releases.find(row.release);
  const bool current = found != s_.ledger.current().releases.end() && found->second.name == row.name &&
                       found->second.version == row.version;
  if (row.current != current) return which + "status is wrong about whether it is current";
  if (!row.current) return "";
  std::uint64_t live = 0, not_selected = 0, incompatible = 0, trying = 0;
  for (const Member* engine : up()) {
    const content::Release* chosen = nullptr;
    const Should what = should(*engine, row.name, &chosen);
    if (!chosen || chosen->number != row.release)
      ++not_selected;
    else if (what == Should::incompatible)
      ++incompatible;
    else if (serves(*engine, *chosen))
      ++live;
    else
      ++trying;  // it fails and is tried again, so it may be in any of these phases now
  }
  const auto differs = [&](const char* phase, std::uint64_t is, std::uint64_t truth) {
    return which + "status says " + std::to_string(is) + " " + phase + ", and it is " + std::to_string(truth);
  };
  const std::uint64_t in_trial =
      said(Phase::failed) + said(Phase::loading) + said(Phase::fetching) + said(Phase::pending);
  if (said(Phase::live) != live) return differs("live", said(Phase::live), live);
  if (said(Phase::not_selected) != not_selected)
    return differs("not selected", said(Phase::not_selected), not_selected);
  if (said(Phase::incompatible) != incompatible)
    return differs("incompatible", said(Phase::incompatible), incompatible);
  if (in_trial != trying) return differs("failed or on their way", in_trial, trying);
  // Promise 1: what does not converge is reported with why.
  if (said(Phase::failed) > 0 && row.failures.empty())
    return which + "status says " + std::to_string(said(Phase::failed)) + " failed, and names none of them";
  const std::vector<const Member*> known = s_.fleet.engines();
  for (const wire::Failure& failure : row.failures) {
    if (std::none_of(known.begin(), known.end(), [&](const Member* m) { return m->id == failure.engine; }))
      return which + "status says that '" + failure.engine + "' failed, which is no engine";
    if (failure.reason.empty()) return which + "status does not say why '" + failure.engine + "' failed";
  }
  return "";
}

}  // namespace pinnate::simulator
