#include "rollout.h"

#include "rollup_report.h"

#include <algorithm>
#include <array>

namespace cli {

namespace {

// In which an online engine that is selected does not serve; what will not pass by itself comes
// first.
constexpr std::array kPhasesWithout = {PINNATE_PHASE_FAILED, PINNATE_PHASE_INCOMPATIBLE, PINNATE_PHASE_LOADING,
                                       PINNATE_PHASE_FETCHING, PINNATE_PHASE_PENDING};
// What is looked through for those that are to be named.
constexpr std::uint32_t kPageRows = 500;
constexpr std::size_t kMostPages = 20;  // of each phase

// The controller's view may have moved on (revision) or over (a new epoch after a restored copy).
bool covers(const Rollup& rollup, const Published& published) {
  return rollup.epoch != published.epoch ? rollup.epoch > published.epoch : rollup.revision >= published.revision;
}

// A lost link is worth waiting for while there is time: the fleet goes on without us.
std::optional<Rollup> next_if_linked(Session& session, Deadline deadline) {
  try {
    return session.next_rollup(deadline);
  } catch (const Failure& failure) {
    const bool passing = failure.code() == ExitCode::kUnreachable || failure.code() == ExitCode::kUnknown;
    if (!passing || std::chrono::steady_clock::now() >= deadline) throw;
    return std::nullopt;
  }
}

}  // namespace

Rollout await_rollout(Session& session, const Published& published, Deadline deadline,
                      const std::function<void(const ReleaseStatus&)>& on_change) {
  Rollout rollout{Rollout::End::kLate, std::nullopt, 0};
  std::uint64_t most = 0, least_offline = ~std::uint64_t{0};
  while (std::chrono::steady_clock::now() < deadline) {
    const auto rollup = next_if_linked(session, deadline);
    if (!rollup || !covers(*rollup, published)) continue;
    const ReleaseStatus* status = rollup->release(published.release);
    if (status != nullptr) {
      rollout.status = *status;
      // One that turns out not to be selected is still there, and was counted as pending before.
      const std::uint64_t offline = status->count(PINNATE_PHASE_OFFLINE);
      most = std::max(most, status->online_selected());
      least_offline = std::min(least_offline, offline);
      rollout.gone = std::min(most - status->online_selected(), offline - least_offline);
      on_change(*status);
    }
    if (status == nullptr || !status->current) {
      rollout.end = Rollout::End::kReplaced;
      return rollout;
    }
    if (status->unsettled() != 0) continue;
    const std::uint64_t selected = status->online_selected();
    const bool served = status->count(PINNATE_PHASE_LIVE) == selected && status->serving >= selected;
    // Live, but calls go elsewhere: the switch is under way.
    if (!served && status->count(PINNATE_PHASE_LIVE) == selected) continue;
    rollout.end = served && rollout.gone == 0 ? Rollout::End::kServed : Rollout::End::kNotServed;
    return rollout;
  }
  return rollout;
}

void show(ProgressLine& line, const std::string& title, const ReleaseStatus& status) {
  const std::uint64_t selected = status.online_selected();
  const std::uint64_t live = status.count(PINNATE_PHASE_LIVE);
  const double share = selected == 0 ? 1.0 : static_cast<double>(live) / static_cast<double>(selected);
  const std::string others = other_phases_text(status);
  line.show(title, share,
            std::to_string(live) + " of " + std::to_string(selected) + " live" + (others.empty() ? "" : ", " + others));
}

std::vector<Absentee> absentees(Session& session, const std::string& name, std::uint64_t release, std::size_t limit) {
  std::vector<Absentee> absent;
  for (const pinnate_phase phase : kPhasesWithout) {
    pinnate_lookup lookup = PINNATE_LOOKUP_INIT;
    lookup.name = name.c_str();
    lookup.phase = 1 + phase;
    lookup.limit = kPageRows;
    std::string cursor;
    // An engine may be in the phase for another release of the name, so that a page may hold none
    // that is looked for.
    for (std::size_t page = 0; page < kMostPages && absent.size() < limit; ++page) {
      lookup.cursor = cursor.empty() ? nullptr : cursor.c_str();
      const Page<Tier> found = session.lookup(lookup);
      for (const Tier& engine : found.rows) {
        for (const Service& service : engine.services) {
          if (service.release != release || service.phase != phase || !engine.online) continue;
          if (absent.size() < limit) absent.push_back({engine.id, engine.path, phase, service.reason});
        }
      }
      cursor = found.next;
      if (cursor.empty()) break;
    }
  }
  return absent;
}

std::string without_text(const ReleaseStatus& status, std::size_t named) {
  std::string text;
  std::uint64_t all = 0;
  for (const pinnate_phase phase : kPhasesWithout) {
    const std::uint64_t count = status.count(phase);
    if (count == 0) continue;
    if (!text.empty()) text += ", ";
    text += std::to_string(count) + " " + pinnate_phase_name(phase);
    all += count;
  }
  return all > named ? text : "";
}

}  // namespace cli
