#include "tier/claims.h"

#include "tier/child.h"

#include <algorithm>

namespace pinnate::tier {
namespace {

constexpr std::size_t kRows = 4 * kReleaseLimit;
constexpr std::size_t kMostKept = 1024;
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 48;  // of memory in a fleet; sums of it do not wrap
constexpr std::uint64_t kMostTiers = ~std::uint32_t{0};  // more than there can be; sums of it do not wrap

template <class Row>
Status check_rows(const std::vector<Row>& rows) {
  if (rows.size() > kRows) return {PINNATE_TOO_LARGE, "more than " + std::to_string(kRows) + " rows of releases"};
  for (const Row& row : rows) {
    if (Status s = check_function_name(row.name); !s.ok()) return s;
    if (Status s = check_version(row.version); !s.ok()) return s;
  }
  return {};
}

template <class Row>
bool differs(const Row& row, const DesiredState& state) {
  const DesiredState::Entry* entry = state.find(row.release);
  return entry && (entry->release.name != row.name || entry->release.version != row.version);
}

template <class Row>
std::string not_counted(const Row& row, const char* why) {
  return "what it says of release " + std::to_string(row.release) + " ('" + row.name + "' " + row.version +
         ") does not count: " + why;
}
constexpr const char* kNoRelease = "there is no such release";

}  // namespace

Status check_shape(const wire::EngineStatus& status) {
  if (status.kept.size() > kMostKept)
    return {PINNATE_TOO_LARGE, "more than " + std::to_string(kMostKept) + " kept images"};
  for (const wire::KeptImage& image : status.kept) {
    if (Status s = check_function_name(image.function); !s.ok()) return s;
    if (Status s = check_version(image.version); !s.ok()) return s;
    if (image.bytes > kMostBytes) return {PINNATE_INVALID, "a kept image of " + std::to_string(image.bytes) + " bytes"};
  }
  return check_rows(status.rows);
}

Status check_shape(const wire::Rollup& rollup) {
  if (Status s = check_rows(rollup.rows); !s.ok()) return s;
  if (rollup.evaluated.size() > kReleaseLimit)
    return {PINNATE_TOO_LARGE, "more than " + std::to_string(kReleaseLimit) + " revisions that engines evaluated"};
  std::uint64_t most = std::max({rollup.online, rollup.offline, rollup.forgotten, rollup.gateways_online,
                                 rollup.gateways_offline, rollup.kept_images});
  for (const wire::Evaluated& at : rollup.evaluated) most = std::max(most, at.engines);
  for (const wire::ReleaseRow& row : rollup.rows) {
    most = std::max({most, row.fetching, row.loading, row.live, row.failed, row.incompatible, row.selected, row.serving,
                     row.serving_offline});
    for (const wire::Failure& failure : row.failures)
      if (Status s = check_tier_id(failure.engine); !s.ok()) return s;
  }
  if (rollup.kept_bytes > kMostBytes)
    return {PINNATE_INVALID, "kept images of " + std::to_string(rollup.kept_bytes) + " bytes"};
  if (most > kMostTiers) return {PINNATE_INVALID, "a count of " + std::to_string(most) + " tiers"};
  return {};
}

std::string drop_untrue(wire::EngineStatus* status, const DesiredState& state) {
  const wire::Position& at = status->position;
  std::set<RowKey, ByRelease> told;
  std::set<std::string> serving;
  std::string first;
  std::vector<wire::ServiceRow> kept;
  for (wire::ServiceRow& row : status->rows) {
    const bool chosen = row.phase != wire::Phase::not_selected;
    const char* why = nullptr;
    if (row.release == 0)
      why = kNoRelease;
    else if (row.phase == wire::Phase::offline)
      why = "no engine is offline to itself";
    else if (row.release > at.revision && (row.serving || row.phase != wire::Phase::failed))
      why = "its desired state is older than that";
    else if (!told.insert({row.release, row.name, row.version}).second)
      why = "it is told of twice";
    else if (row.serving && !serving.insert(row.name).second)
      why = "another release of this name takes the calls";
    bool drop = why != nullptr;
    if (!drop && chosen && at.epoch == state.position().epoch &&
        (state.find(row.release) ? differs(row, state) : at == state.position())) {
      why = kNoRelease;
      drop = !row.serving;
      row.phase = wire::Phase::not_selected;
    }
    if (why && first.empty()) first = not_counted(row, why);
    if (!drop) kept.push_back(std::move(row));
  }
  status->rows = std::move(kept);
  return first;
}

std::string drop_untrue(wire::Rollup* rollup, const DesiredState& state) {
  std::string first;
  const auto untrue = [&](const wire::ReleaseRow& row) {
    if (first.empty()) first = not_counted(row, kNoRelease);
    return true;
  };
  std::erase_if(rollup->rows, [&](const wire::ReleaseRow& row) { return row.release == 0 && untrue(row); });
  for (wire::ReleaseRow& row : rollup->rows)
    if (rollup->position.epoch == state.position().epoch && of_another(row, state) && untrue(row)) only_served(&row);
  return first;
}

bool of_another(const wire::ReleaseRow& r, const DesiredState& state) {
  return r.fetching + r.loading + r.live + r.failed + r.incompatible + r.selected > 0 && differs(r, state);
}

}  // namespace pinnate::tier
