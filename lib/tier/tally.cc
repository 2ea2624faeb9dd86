#include "tier/tally.h"

#include "base/check.h"
#include "base/plant.h"
#include "tier/claims.h"

#include <algorithm>

namespace pinnate::tier {
namespace {

using wire::Phase;
using wire::ReleaseRow;
constexpr std::uint64_t ReleaseRow::*kCounts[] = {
    &ReleaseRow::fetching,     &ReleaseRow::loading,  &ReleaseRow::live,    &ReleaseRow::failed,
    &ReleaseRow::incompatible, &ReleaseRow::selected, &ReleaseRow::serving, &ReleaseRow::serving_offline};
enum : std::size_t { kFailed = 3, kIncompatible = 4, kSelected = 5, kServing = 6, kServingOffline = 7 };
constexpr std::uint64_t Totals::*kTotals[] = {&Totals::online,          &Totals::offline,          &Totals::forgotten,
                                              &Totals::gateways_online, &Totals::gateways_offline, &Totals::kept_images,
                                              &Totals::kept_bytes};
constexpr std::size_t kRowsPerRollup = 400;
constexpr std::size_t kRowsPerReport = 1000;
constexpr std::size_t kReportBytes = 1024 * 1024;  // a report ends early rather than grow over a message

void change(std::uint64_t* sum, std::uint64_t by, bool add) {
  if (add)
    *sum += by;
  else
    *sum -= PINNATE_CHECK(by <= *sum, "a sum of status would be less than nothing") ? by : *sum;
}

bool same(const ReleaseRow& a, const ReleaseRow& b) {
  for (auto count : kCounts)
    if (a.*count != b.*count) return false;
  return a.failures == b.failures;
}

Tally::Counts counts_of(const Child& child, std::uint64_t revision, const wire::ServiceRow& row) {
  Tally::Counts n{};
  if (!child.counted_online) {
    n[kServingOffline] = row.serving;
    return n;
  }
  const auto phase = static_cast<std::size_t>(row.phase);
  if (row.phase != Phase::pending && phase <= kIncompatible + 1) n[phase - 1] = 1;
  n[kSelected] = child.counted_epoch && row.phase != Phase::not_selected && row.release <= revision;
  n[kServing] = row.serving;
  return n;
}

Tally::Counts counts_of(const Child& child, const ReleaseRow& row) {
  Tally::Counts n{};
  if (!child.counted_online) {
    n[kServingOffline] = row.serving + row.serving_offline;
    return n;
  }
  for (std::size_t i = 0; i < n.size(); ++i) n[i] = row.*kCounts[i];
  if (!child.counted_epoch) n[kSelected] = 0;
  return n;
}

template <class To>
void put(const Totals& from, To* to) {
  to->online = from.online;
  to->offline = from.offline;
  to->forgotten = from.forgotten;
  to->gateways_online = from.gateways_online;
  to->gateways_offline = from.gateways_offline;
  to->kept_images = from.kept_images;
  to->kept_bytes = from.kept_bytes;
}

std::vector<const wire::ServiceRow*> in_order(const std::vector<wire::ServiceRow>& rows) {
  std::vector<const wire::ServiceRow*> order;
  order.reserve(rows.size());
  for (const wire::ServiceRow& row : rows) order.push_back(&row);
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) { return ByRelease()(*a, *b); });
  return order;
}

std::uint64_t epoch_of(const Child& child) {
  return (child.rollup ? child.rollup->position : child.status.position).epoch;
}

}  // namespace

Totals totals_of(const Child& child) {
  const std::uint64_t here = child.counted_online ? 1 : 0;
  if (!child.rollup) {
    Totals part{here, 1 - here};
    if (here) part.kept_images = child.status.kept.size();
    if (here)
      for (const wire::KeptImage& image : child.status.kept) part.kept_bytes += image.bytes;
    return part;
  }
  const wire::Rollup& r = *child.rollup;
  if (!child.counted_online)
    return {0, r.online + r.offline, r.forgotten, 0, r.gateways_online + r.gateways_offline + 1};
  return {r.online, r.offline, r.forgotten, r.gateways_online + 1, r.gateways_offline, r.kept_images, r.kept_bytes};
}

// ---- counting -----------------------------------------------------------------------------------

void Tally::count_head(const Child& child, bool add) {
  const Totals part = totals_of(child);
  for (auto total : kTotals) change(&(total_.*total), part.*total, add);
  if (!child.counted_online || !child.counted_epoch) return;
  const auto evaluates = [&](std::uint64_t revision, std::uint64_t engines) {
    std::uint64_t& sum = evaluated_[revision];
    change(&sum, engines, add);
    if (sum == 0) evaluated_.erase(revision);
  };
  if (!child.rollup) return evaluates(child.status.position.revision, 1);
  for (const wire::Evaluated& at : child.rollup->evaluated) evaluates(at.revision, at.engines);
}

template <class R>
void Tally::count_row(const Child& child, const R& row, const Counts& counts, bool add) {
  if (counts == Counts{}) return;
  auto found = rows_.find(row);
  if (found == rows_.end()) found = rows_.emplace(RowKey{row.release, row.name, row.version}, Row()).first;
  Row& sum = found->second;
  for (std::size_t i = 0; i < counts.size(); ++i) change(&sum.counts[i], counts[i], add);
  sum.touched = true;
  if (counts[kFailed] > 0) add ? void(sum.failing.insert(&child)) : void(sum.failing.erase(&child));
  if (counts[kServing] > 0) {
    auto& serving = serving_[row.name];
    if (add)
      serving.push_back(&child);
    else if (const auto at = std::find(serving.begin(), serving.end(), &child); at != serving.end())
      serving.erase(at);
    if (serving.empty()) serving_.erase(row.name);
  }
  if (sum.counts == Counts{} && gone(sum.told)) rows_.erase(found);
}

void Tally::count_all(const Child& child, bool add) {
  count_head(child, add);
  for (const auto& row : child.status.rows)
    count_row(child, row, counts_of(child, child.status.position.revision, row), add);
  if (child.rollup)
    for (const auto& row : child.rollup->rows) count_row(child, row, counts_of(child, row), add);
}

void Tally::add(Child& child) {
  child.counted_online = child.link != 0;
  child.counted_epoch = epoch_of(child) == state_->position().epoch;
  count_all(child, true);
}

bool Tally::outdated(const Child& child) const {
  return child.counted_epoch != (epoch_of(child) == state_->position().epoch);
}

void Tally::replace(Child& child, wire::EngineStatus now) {
  if ((now.position.epoch == state_->position().epoch) != child.counted_epoch) {
    remove(child);
    child.status = std::move(now);
    return add(child);
  }
  const auto was = in_order(child.status.rows), is = in_order(now.rows);
  for (auto a = was.begin(), b = is.begin(); a != was.end() || b != is.end();) {
    const bool old = a != was.end() && (b == is.end() || !ByRelease()(**b, **a));
    const bool fresh = b != is.end() && (a == was.end() || !ByRelease()(**a, **b));
    const Counts before = old ? counts_of(child, child.status.position.revision, **a) : Counts{};
    const Counts after = fresh ? counts_of(child, now.position.revision, **b) : Counts{};
    if (before != after || (old && fresh && **a != **b)) {
      if (old) count_row(child, **a, before, false);
      if (fresh) count_row(child, **b, after, true);
    }
    a += old, b += fresh;
  }
  count_head(child, false);
  child.status = std::move(now);
  count_head(child, true);
}

void Tally::replace(Child& child, wire::Rollup now) {
  auto rows = std::exchange(now.rows, {});
  const bool again = now.whole || (now.position.epoch == state_->position().epoch) != child.counted_epoch;
  if (again)
    remove(child);
  else if (!PINNATE_PLANT(rollup_counts_twice))
    count_head(child, false);
  if (now.whole) child.rollup->rows.clear(), child.rollup_bytes = 0;
  auto& kept = now.rows = std::move(child.rollup->rows);
  for (ReleaseRow& row : rows) {
    auto at = std::lower_bound(kept.begin(), kept.end(), row, ByRelease());
    if (at != kept.end() && !ByRelease()(row, *at)) {
      if (!again) count_row(child, *at, counts_of(child, *at), false);
      child.rollup_bytes -= bytes_of(*at);
      at = kept.erase(at);
    }
    if (gone(row)) continue;
    child.rollup_bytes += bytes_of(row);
    if (!again) count_row(child, row, counts_of(child, row), true);
    kept.insert(at, std::move(row));
  }
  *child.rollup = std::move(now);
  again ? add(child) : count_head(child, true);
}

void Tally::forgot(std::uint64_t engines) {
  total_.forgotten += engines;
  if (PINNATE_PLANT(forgotten_still_counted)) total_.offline += engines;
}

const std::vector<const Child*>& Tally::serving(std::string_view function) const {
  static const std::vector<const Child*> kNobody;
  const auto found = serving_.find(function);
  return found == serving_.end() ? kNobody : found->second;
}

// ---- telling ------------------------------------------------------------------------------------

bool Tally::current(const RowKey& key) const {
  const DesiredState::Entry* entry = state_->find(key.release);
  return entry && entry->release.name == key.name && entry->release.version == key.version;
}

ReleaseRow Tally::row_of(const RowKey& key, const Row* sum) const {
  ReleaseRow row;
  row.release = key.release;
  row.name = key.name;
  row.version = key.version;
  if (!sum) return row;
  for (std::size_t i = 0; i < sum->counts.size(); ++i) row.*kCounts[i] = sum->counts[i];
  const auto is_it = [&](const auto& r) {
    return r.release == key.release && r.name == key.name && r.version == key.version;
  };
  for (const Child* child : sum->failing) {
    if (row.failures.size() >= kFailuresShown) break;
    const auto& services = child->status.rows;
    if (const auto of = std::find_if(services.begin(), services.end(), is_it); of != services.end())
      row.failures.push_back({child->hello.id, of->reason});
    if (!child->rollup) continue;
    const auto& below = child->rollup->rows;
    if (const auto in = std::lower_bound(below.begin(), below.end(), key, ByRelease()); in != below.end() && is_it(*in))
      row.failures.insert(row.failures.end(), in->failures.begin(), in->failures.end());
  }
  if (row.failures.size() > kFailuresShown) row.failures.resize(kFailuresShown);
  return row;
}

// Of too many revisions the lowest are left out: engines there count as pending.
std::vector<wire::Evaluated> Tally::evaluated() const {
  std::vector<wire::Evaluated> all;
  for (auto at = evaluated_.rbegin(); at != evaluated_.rend() && all.size() < kReleaseLimit; ++at)
    all.push_back({at->first, at->second});
  return all;
}

std::vector<wire::Rollup> Tally::take_rollup(bool whole, const std::vector<std::string>& notices) {
  std::vector<wire::Rollup> messages;
  const auto begin = [&] {
    wire::Rollup& m = messages.emplace_back();
    m.position = m.seen = state_->position();
    put(total_, &m);
    m.evaluated = evaluated();
    m.whole = whole && messages.size() == 1;
    m.notices = notices;
  };
  begin();
  const bool all = std::exchange(all_touched_, false) || whole;
  for (auto it = rows_.begin(); it != rows_.end();) {
    const auto row = it++;
    const RowKey& key = row->first;
    Row& sum = row->second;
    if (whole) sum.told = {};
    if (!std::exchange(sum.touched, false) && !all) continue;
    ReleaseRow now = row_of(key, current(key) || sum.served() ? &sum : nullptr);  // else nobody speaks of it any more
    if (of_another(now, *state_)) only_served(&now);
    if (!same(now, sum.told)) {
      if (messages.back().rows.size() >= kRowsPerRollup) begin();
      messages.back().rows.push_back(now);
      sum.told = std::move(now);
    }
    if (sum.counts == Counts{}) rows_.erase(row);
  }
  return messages;
}

void Tally::report(const std::string& name, wire::StatusReport* out) const {
  out->position = state_->position();
  put(total_, out);
  const auto wanted = [&](const std::string& of) { return name.empty() || of == name; };
  std::vector<std::pair<RowKey, bool>> shown;  // and whether it is current
  for (const auto& [number, entry] : state_->releases())
    if (wanted(entry->release.name))
      shown.emplace_back(RowKey{number, entry->release.name, entry->release.version}, true);
  for (const auto& [key, row] : rows_)
    if (row.served() && wanted(key.name) && !current(key)) shown.emplace_back(key, false);
  std::stable_sort(shown.begin(), shown.end(),
                   [](const auto& a, const auto& b) { return a.first.release > b.first.release; });
  std::size_t bytes = 0;
  for (const auto& [key, is_current] : shown) {
    if (out->rows.size() >= kRowsPerReport || bytes >= kReportBytes) break;
    const auto sum = rows_.find(key);
    ReleaseRow row = row_of(key, sum == rows_.end() ? nullptr : &sum->second);
    std::uint64_t evaluated = 0;
    for (auto at = evaluated_.lower_bound(key.release); at != evaluated_.end(); ++at) evaluated += at->second;
    out->rows.push_back(status_row(row, total_, evaluated, is_current));
    out->rows.back().failures = std::move(row.failures);
    bytes += 250;
    for (const wire::Failure& failure : out->rows.back().failures)
      bytes += 10 + failure.engine.size() + failure.reason.size();
  }
}

wire::StatusRow status_row(const ReleaseRow& row, const Totals& total, std::uint64_t evaluated, bool current) {
  wire::StatusRow out;
  out.release = row.release;
  out.name = row.name;
  out.version = row.version;
  out.current = current;
  out.serving = row.serving;
  out.serving_offline = row.serving_offline;
  out.phases.assign(wire::kPhases, 0);
  const auto put = [&](Phase phase, std::uint64_t n) { out.phases[static_cast<std::size_t>(phase)] = n; };
  put(Phase::offline, total.offline);
  if (!current) {  // withdrawn: it selects nobody any more, even where it is still served
    put(Phase::not_selected, total.online);
    return out;
  }
  // A roll-up may come in parts, and be wrong: no more engines are told of than there are.
  std::uint64_t rest = total.online;
  const auto put_some = [&](Phase phase, std::uint64_t n) {
    put(phase, std::min(n, rest));
    rest -= std::min(n, rest);
  };
  put_some(Phase::failed, row.failed);
  put_some(Phase::incompatible, row.incompatible);
  put_some(Phase::not_selected, evaluated - std::min(evaluated, row.selected));
  put_some(Phase::fetching, row.fetching);
  put_some(Phase::loading, row.loading);
  put_some(Phase::live, row.live);
  put(Phase::pending, rest);
  return out;
}

}  // namespace pinnate::tier
