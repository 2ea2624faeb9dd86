#include "tier/rollup.h"

#include <algorithm>

namespace pinnate::tier {
namespace {

using wire::ReleaseRow;
constexpr std::uint64_t ReleaseRow::*kCounts[] = {
    &ReleaseRow::fetching,     &ReleaseRow::loading,      &ReleaseRow::live,    &ReleaseRow::failed,
    &ReleaseRow::incompatible, &ReleaseRow::not_selected, &ReleaseRow::serving, &ReleaseRow::serving_offline};
constexpr std::uint64_t Contribution::*kTotals[] = {&Contribution::online, &Contribution::offline,
                                                    &Contribution::forgotten, &Contribution::gateways_online,
                                                    &Contribution::gateways_offline};

bool same(const ReleaseRow& a, const ReleaseRow& b) {
  if (a.name != b.name || a.version != b.version) return false;  // a restored controller has given the number again
  for (auto count : kCounts)
    if (a.*count != b.*count) return false;
  return a.failures.size() == b.failures.size() &&
         std::equal(a.failures.begin(), a.failures.end(), b.failures.begin(),
                    [](const auto& x, const auto& y) { return x.engine == y.engine && x.reason == y.reason; });
}

bool empty(const ReleaseRow& row) {
  for (auto count : kCounts)
    if (row.*count != 0) return false;
  return true;
}

}  // namespace

Contribution Contribution::offline_now() const {
  Contribution gone;
  gone.offline = online + offline;
  gone.forgotten = forgotten;
  gone.gateways_offline = gateways_online + gateways_offline;
  for (const auto& [release, row] : rows) {
    if (row.serving + row.serving_offline == 0) continue;
    ReleaseRow& kept = gone.rows[release];
    kept.release = release;
    kept.name = row.name;
    kept.version = row.version;
    kept.serving_offline = row.serving + row.serving_offline;
  }
  return gone;
}

Contribution contribution_of(const std::string& engine, const wire::EngineStatus& status, const DesiredState& state) {
  Contribution c;
  c.online = 1;
  for (const wire::ServiceRow& in : status.rows) {
    const auto [place, fresh] = c.rows.try_emplace(in.release);
    ReleaseRow& row = place->second;
    // A restored controller may have given a number again: one release of it is still served, another chosen. The row has the phase of
    // the chosen one, and the name of what is served, by which calls find the engine.
    row.release = in.release;
    if (fresh || in.serving) {
      row.name = in.name;
      row.version = in.version;
      row.serving = in.serving ? 1 : 0;
    }
    if (!fresh && in.phase == wire::Phase::not_selected) continue;
    row.fetching = row.loading = row.live = row.failed = row.incompatible = row.not_selected = 0;
    row.failures.clear();
    switch (in.phase) {
      case wire::Phase::fetching:
        row.fetching = 1;
        break;
      case wire::Phase::loading:
        row.loading = 1;
        break;
      case wire::Phase::live:
        row.live = 1;
        break;
      case wire::Phase::failed:
        row.failed = 1;
        row.failures.push_back({engine, in.reason});
        break;
      case wire::Phase::incompatible:
        row.incompatible = 1;
        break;
      case wire::Phase::not_selected:
        row.not_selected = 1;
        break;
      case wire::Phase::pending:
      case wire::Phase::offline:
        break;
    }
  }
  // What it has evaluated and does not name does not select it. A position of another history says nothing about ours.
  if (status.position.epoch == state.position().epoch)
    for (const auto& [number, entry] : state.releases()) {
      if (number > status.position.revision) break;
      const auto [row, fresh] = c.rows.try_emplace(number);
      if (!fresh) continue;
      row->second.release = number;
      row->second.name = entry.release.name;
      row->second.version = entry.release.version;
      row->second.not_selected = 1;
    }
  return c;
}

void Sum::replace(const std::string& part, const Contribution& before, const Contribution& now) {
  for (auto count : kTotals) {
    if (before.*count == now.*count) continue;
    total_.*count += now.*count - before.*count;  // unsigned arithmetic wraps back
    totals_changed_ = true;
  }
  const auto apply = [&](std::uint64_t release, const ReleaseRow* was, const ReleaseRow* is) {
    if (was && is && same(*was, *is)) return;
    changed_.insert(release);
    ReleaseRow& row = total_.rows[release];
    row.release = release;
    if (is && !is->name.empty()) row.name = is->name, row.version = is->version;
    for (auto count : kCounts) row.*count += (is ? is->*count : 0) - (was ? was->*count : 0);
    if (is && is->failed > 0)
      failing_[release].insert(part);
    else if (const auto f = failing_.find(release);
             f != failing_.end() && f->second.erase(part) > 0 && f->second.empty())
      failing_.erase(f);
    if (empty(row)) total_.rows.erase(release);
  };
  auto was = before.rows.begin();
  auto is = now.rows.begin();
  while (was != before.rows.end() || is != now.rows.end()) {
    if (is == now.rows.end() || (was != before.rows.end() && was->first < is->first)) {
      apply(was->first, &was->second, nullptr);
      ++was;
    } else if (was == before.rows.end() || is->first < was->first) {
      apply(is->first, nullptr, &is->second);
      ++is;
    } else {
      apply(is->first, &was->second, &is->second);
      ++was;
      ++is;
    }
  }
}

const std::set<std::string>& Sum::failing(std::uint64_t release) const {
  static const std::set<std::string> kNone;
  const auto found = failing_.find(release);
  return found == failing_.end() ? kNone : found->second;
}

wire::StatusRow status_row(const wire::ReleaseRow& row, const Contribution& total, bool current) {
  wire::StatusRow out;
  out.release = row.release;
  out.name = row.name;
  out.version = row.version;
  out.current = current;
  out.serving = row.serving;
  out.serving_offline = row.serving_offline;
  out.phases.assign(wire::kPhases, 0);
  const auto put = [&](wire::Phase phase, std::uint64_t n) { out.phases[static_cast<std::size_t>(phase)] = n; };
  put(wire::Phase::offline, total.offline);
  if (!current) {  // withdrawn: it selects nobody any more, even where it is still served
    put(wire::Phase::not_selected, total.online);
    return out;
  }
  // A roll-up may come in parts, and be wrong: no more engines are told of than there are.
  std::uint64_t rest = total.online;
  const auto put_some = [&](wire::Phase phase, std::uint64_t n) {
    put(phase, std::min(n, rest));
    rest -= std::min(n, rest);
  };
  put_some(wire::Phase::failed, row.failed);
  put_some(wire::Phase::incompatible, row.incompatible);
  put_some(wire::Phase::not_selected, row.not_selected);
  put_some(wire::Phase::fetching, row.fetching);
  put_some(wire::Phase::loading, row.loading);
  put_some(wire::Phase::live, row.live);
  put(wire::Phase::pending, rest);
  return out;
}

}  // namespace pinnate::tier
