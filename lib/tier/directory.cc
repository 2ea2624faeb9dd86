#include "tier/directory.h"

#include "base/limits.h"
#include "base/names.h"
#include "base/plant.h"

#include <algorithm>

namespace pinnate::tier {
namespace {

constexpr std::size_t kFailuresShown = 4;
constexpr std::size_t kNoticesShown = 16;
constexpr std::size_t kRowsPerRollup = 400;
constexpr std::size_t kRowsPerReport = 1000;
constexpr std::size_t kReportBytes = 1024 * 1024;  // a report ends early rather than grow over a message
constexpr std::size_t kStoredRowBytes = 1024 * 1024;  // of names in one record, which is read back as a message
constexpr std::size_t kRowsPerChild = 4 * kReleaseLimit;
constexpr std::size_t kBytesPerChild = 4 * 1024 * 1024;  // of names and reasons in them
constexpr std::size_t kBatchBytes = 4 * 1024 * 1024;  // of records written together, the last child's apart

bool gone(const wire::ReleaseRow& r) {
  return r.fetching + r.loading + r.live + r.failed + r.incompatible + r.not_selected + r.serving + r.serving_offline ==
         0;
}

std::size_t bytes_of(const Contribution& c) {
  std::size_t bytes = 0;
  for (const auto& [release, row] : c.rows) {
    bytes += row.name.size() + row.version.size();
    for (const wire::Failure& failure : row.failures) bytes += failure.engine.size() + failure.reason.size();
  }
  return bytes;
}

// About what it takes in memory.
std::size_t bytes_of(const Child& child) {
  std::size_t bytes =
      sizeof(Child) + child.status.notice.size() + 2 * bytes_of(child.counted) + 400 * child.counted.rows.size();
  for (const wire::ServiceRow& row : child.status.rows)
    bytes += sizeof row + row.name.size() + row.version.size() + row.reason.size();
  return bytes;
}

// What is kept, passed on and shown has the limits that it has where it is published.
template <class Row>
Status check_rows(const std::vector<Row>& rows) {
  if (rows.size() > kRowsPerChild)
    return {PINNATE_TOO_LARGE, "more than " + std::to_string(kRowsPerChild) + " rows of releases"};
  for (const Row& row : rows) {
    if constexpr (std::is_same_v<Row, wire::ReleaseRow>) {
      if (row.name.empty() && gone(row)) continue;  // it removes a row
      for (const wire::Failure& failure : row.failures)
        if (Status s = check_tier_id(failure.engine); !s.ok()) return s;
    }
    if (Status s = check_function_name(row.name); !s.ok()) return s;
    if (Status s = check_version(row.version); !s.ok()) return s;
  }
  return {};
}

}  // namespace

Child* Directory::find(const std::string& id) {
  const auto found = children_.find(id);
  return found == children_.end() ? nullptr : found->second.get();
}

void Directory::count(Child& child, Contribution now) {
  const std::string& id = child.hello.id;
  const auto serves = [](const Contribution& c) {
    std::set<std::string> names;
    for (const auto& [release, row] : c.rows)
      if (row.serving > 0) names.insert(row.name);
    return names;
  };
  const auto was = serves(child.counted), is = serves(now);
  for (const auto& name : was)
    if (!is.contains(name)) {
      std::erase(serving_[name], &child);
      if (serving_[name].empty()) serving_.erase(name);
    }
  for (const auto& name : is)
    if (!was.contains(name)) serving_[name].push_back(&child);
  sum_.replace(id, PINNATE_PLANT(rollup_counts_twice) && !child.engine() ? Contribution{} : child.counted, now);
  child.counted = std::move(now);
  unsaved_.try_emplace(id, 0);
  changed_();
}

void Directory::joined(const Session& session) {
  auto& child = children_[session.peer.id];
  if (!child) child = std::make_unique<Child>();
  core_->cancel_alarm(&child->forget);
  not_offline(*child);
  child->offline_since_ms = 0;
  const bool same_role = child->hello.role == session.peer.role;
  child->hello = session.peer;
  child->link = session.link;
  child->position = session.peer.position;
  Contribution online;
  if (child->engine()) {
    // Until it says otherwise nothing is known of it: pending for all.
    online.online = 1;
    child->status = {};
  } else {
    online.gateways_online = 1;
    if (same_role) online.forgotten = child->reported.forgotten;
    // Its engines stay as last known, offline, until its first roll-up, which is whole.
    Contribution last = child->reported.offline_now();
    online.offline = last.offline;
    online.rows = std::move(last.rows);
    online.gateways_offline = last.gateways_offline > 0 ? last.gateways_offline - 1 : 0;
  }
  child->reported = online;
  count(*child, std::move(online));
}

void Directory::left(const Session& session, bool forget_it) {
  Child* child = find(session.peer.id);
  if (!child || child->link != session.link) return;
  if (forget_it) return forget(session.peer.id, false);
  set_offline(*child);
}

// `for_ms`: it has been so for that long already.
void Directory::set_offline(Child& child, std::int64_t for_ms) {
  const std::string id = child.hello.id;
  child.link = 0;
  child.offline_since_ms = closing_ ? 0 : core_->now().wall_ms - for_ms;
  child.forget_at_ms = core_->now().monotonic_ms + forget_after_ms_ - for_ms;
  if (!PINNATE_PLANT(rollup_keeps_the_lost)) count(child, child.reported.offline_now());
  child.forget = core_->alarm_at(child.forget_at_ms, [this, id] {
    if (Child* c = find(id)) c->forget = 0;
    forget(id, true);
  });
  not_offline(child);
  offline_.emplace(child.forget_at_ms, id);
  child.kept_bytes = bytes_of(child);
  offline_bytes_ += child.kept_bytes;
  while (offline_.size() > kOfflineKept || (offline_bytes_ > offline_limit_bytes_ && offline_.size() > 1)) {
    const std::string longest = offline_.begin()->second;
    forget(longest, true);
  }
}

void Directory::not_offline(Child& child) {
  offline_.erase({child.forget_at_ms, child.hello.id});
  offline_bytes_ -= std::exchange(child.kept_bytes, 0);
}

void Directory::forget(const std::string& id, bool tell) {
  const auto found = children_.find(id);
  if (found == children_.end()) return;
  Child& child = *found->second;
  core_->cancel_alarm(&child.forget);
  not_offline(child);
  const std::uint64_t lost = tell ? child.counted.offline + child.counted.online : 0;
  const std::uint64_t more = lost + child.counted.forgotten;
  Contribution forgotten;
  forgotten.forgotten = forgotten_.forgotten + more;
  if (!PINNATE_PLANT(forgotten_still_counted)) count(child, {});
  sum_.replace("", forgotten_, forgotten);
  forgotten_ = forgotten;
  if (tell)
    core_->log(PINNATE_LOG_WARNING,
               std::string(role_name(child.hello.role)) + " '" + id + "' was offline for too long and is forgotten");
  children_.erase(found);
  unsaved_[id] += more;
  unsaved_forgotten_ += more;
  changed_();
}

Status Directory::take(const Session& session, const wire::EngineStatus& status) {
  Child* child = find(session.peer.id);
  if (!child || child->link != session.link || !child->engine()) return {};
  if (Status s = check_rows(status.rows); !s.ok()) return s;
  child->status = status;
  child->position = status.position;
  for (wire::ServiceRow& row : child->status.rows) row.reason = cut_reason(std::move(row.reason));
  child->notices.clear();
  if (!status.notice.empty())
    child->notices.push_back("engine '" + session.peer.id + "': " + cut_reason(status.notice));
  count_engine(*child);
  return {};
}

void Directory::count_engine(Child& child) {
  child.ahead = child.status.position.newer_than(state_->position());
  child.reported = contribution_of(child.hello.id, child.status, *state_);
  count(child, child.reported);
}

void Directory::state_changed() {
  for (auto& [id, child] : children_)
    if (child->ahead && child->link != 0) count_engine(*child);
  // Rows of releases that were not known here were not passed on.
  for (const auto& [release, row] : total().rows)
    if (!told_.contains(release) && state_->find(release)) sum_.touch(release);
}

Status Directory::take(const Session& session, const wire::Rollup& rollup) {
  Child* child = find(session.peer.id);
  if (!child || child->link != session.link || child->engine()) return {};
  if (Status s = check_rows(rollup.rows); !s.ok()) return s;
  Contribution now;
  now.online = rollup.online;
  now.offline = rollup.offline;
  now.forgotten = rollup.forgotten;
  now.gateways_online = rollup.gateways_online + 1;
  now.gateways_offline = rollup.gateways_offline;
  if (!rollup.whole) now.rows = child->reported.rows;
  for (const wire::ReleaseRow& row : rollup.rows) {
    if (gone(row)) {
      now.rows.erase(row.release);
      continue;
    }
    wire::ReleaseRow& kept = now.rows[row.release] = row;
    if (kept.failures.size() > kFailuresShown) kept.failures.resize(kFailuresShown);
    for (auto& failure : kept.failures) failure.reason = cut_reason(std::move(failure.reason));
  }
  if (now.rows.size() > kRowsPerChild || bytes_of(now) > kBytesPerChild)
    now.rows.clear();  // no honest gateway says so much
  child->position = rollup.position;
  child->notices.clear();
  for (std::size_t i = 0; i < std::min(rollup.notices.size(), kNoticesShown); i++)
    child->notices.push_back(cut_reason(rollup.notices[i]));
  child->reported = now;
  count(*child, std::move(now));
  return {};
}

const std::vector<const Child*>& Directory::serving(const std::string& function) const {
  static const std::vector<const Child*> nobody;
  const auto found = serving_.find(function);
  return found == serving_.end() ? nobody : found->second;
}

wire::ReleaseRow Directory::row_with_failures(std::uint64_t release) const {
  wire::ReleaseRow row;
  if (const auto found = sum_.total().rows.find(release); found != sum_.total().rows.end()) row = found->second;
  row.release = release;
  row.failures.clear();
  for (const std::string& part : sum_.failing(release)) {
    if (row.failures.size() >= kFailuresShown) break;
    const auto child = children_.find(part);
    if (child == children_.end()) continue;
    const auto in = child->second->counted.rows.find(release);
    if (in == child->second->counted.rows.end()) continue;
    for (const auto& failure : in->second.failures)
      if (row.failures.size() < kFailuresShown) row.failures.push_back(failure);
  }
  return row;
}

std::vector<std::string> Directory::notices() const {
  std::vector<std::string> all;
  for (const auto& [id, child] : children_)
    for (const auto& notice : child->notices)
      if (child->link != 0 && all.size() < kNoticesShown) all.push_back(notice);
  return all;
}

std::vector<wire::Rollup> Directory::take_rollup(bool whole, const std::vector<std::string>& own_notices) {
  const std::set<std::uint64_t> changed = sum_.take_changed();
  sum_.take_totals_changed();
  std::set<std::uint64_t> releases = changed;
  if (whole) {
    releases.clear();
    told_.clear();
    for (const auto& [release, row] : sum_.total().rows) releases.insert(release);
  }
  std::vector<wire::Rollup> messages(1);
  const auto fill = [&](wire::Rollup& m) {
    m.position = m.seen = state_->position();
    m.online = total().online;
    m.offline = total().offline;
    m.forgotten = total().forgotten;
    m.gateways_online = total().gateways_online;
    m.gateways_offline = total().gateways_offline;
    m.whole = whole && messages.size() == 1;
    m.notices = own_notices;
    for (auto& notice : notices())
      if (m.notices.size() < kNoticesShown) m.notices.push_back(std::move(notice));
  };
  fill(messages.back());
  for (std::uint64_t release : releases) {
    wire::ReleaseRow row = row_with_failures(release);
    // What is withdrawn and served nowhere is no longer spoken of.
    if (!state_->find(release) && row.serving + row.serving_offline == 0) {
      row = {};
      row.release = release;
      if (told_.erase(release) == 0) continue;
    } else {
      told_.insert(release);
    }
    if (messages.back().rows.size() >= kRowsPerRollup) {
      messages.emplace_back();
      fill(messages.back());
    }
    messages.back().rows.push_back(std::move(row));
  }
  return messages;
}

void Directory::report(const std::string& name, wire::StatusReport* out) const {
  out->position = state_->position();
  out->online = total().online;
  out->offline = total().offline;
  out->forgotten = total().forgotten;
  out->gateways_online = total().gateways_online;
  out->gateways_offline = total().gateways_offline;
  std::set<std::uint64_t> releases;
  for (const auto& [number, entry] : state_->releases()) releases.insert(number);
  for (const auto& [number, row] : total().rows)
    if (row.serving + row.serving_offline > 0) releases.insert(number);
  std::size_t bytes = 0;
  for (auto it = releases.rbegin(); it != releases.rend() && out->rows.size() < kRowsPerReport && bytes < kReportBytes;
       ++it) {
    wire::ReleaseRow row = row_with_failures(*it);
    const DesiredState::Entry* entry = state_->find(*it);
    if (entry) row.name = entry->release.name, row.version = entry->release.version;
    if (!name.empty() && row.name != name) continue;
    wire::StatusRow shown = status_row(row, total(), entry != nullptr);
    shown.failures = std::move(row.failures);
    bytes += 250;
    for (const wire::Failure& failure : shown.failures) bytes += 10 + failure.engine.size() + failure.reason.size();
    out->rows.push_back(std::move(shown));
  }
  for (auto& notice : notices())
    if (out->notices.size() < kNoticesShown) out->notices.push_back(std::move(notice));
}

// ---- across restarts ----------------------------------------------------------------------------------------------
// known/ID is the hello, status/ID the last engine status or whole roll-up, as on the wire. A roll-up is kept as what it is worth when
// its gateway is not linked: who fails, and why, is told anew by a gateway that comes back, and would be most of what is written.
// offline/ID is the wall time since when it is offline; none: it was linked to the last. Without it, who is never seen again would be
// known for ever to a tier that restarts more often than it forgets.

void Directory::write(const std::string& id, std::vector<RecordWrite>* writes) const {
  const auto found = children_.find(id);
  if (found == children_.end()) {
    writes->push_back({"known/" + id, std::nullopt});
    writes->push_back({"status/" + id, std::nullopt});
    writes->push_back({"offline/" + id, std::nullopt});
    return;
  }
  const Child& child = *found->second;
  const bool since = child.link == 0 && child.offline_since_ms != 0;
  writes->push_back({"offline/" + id,
                     since ? std::optional(Buffer(std::to_string(child.offline_since_ms))) : std::optional<Buffer>()});
  writes->push_back({"known/" + id, wire::encode(child.hello)});
  if (child.engine()) {
    writes->push_back({"status/" + id, wire::encode(child.status)});
    return;
  }
  Contribution last = child.reported.offline_now();
  wire::Rollup rollup;
  rollup.position = child.position;
  rollup.offline = last.offline;
  rollup.forgotten = last.forgotten;
  rollup.gateways_offline = last.gateways_offline;
  std::size_t bytes = 0;
  for (auto& [release, row] : last.rows) {
    bytes += row.name.size() + row.version.size();
    if (rollup.rows.size() >= kReleaseLimit || bytes > kStoredRowBytes) break;
    rollup.rows.push_back(std::move(row));
  }
  writes->push_back({"status/" + id, wire::encode(rollup)});
}

void Directory::begin_save() {
  for (const auto& [id, forgotten] : unsaved_) due_[id] += forgotten;
  unsaved_.clear();
}

Directory::Changes Directory::take_changes() {
  Changes changes;
  std::size_t bytes = 0, sized = 0;
  while (!due_.empty() && bytes < kBatchBytes) {
    auto next = due_.extract(due_.begin());
    write(next.key(), &changes.writes);
    unsaved_forgotten_ -= next.mapped();
    changes.children.insert(std::move(next));
    for (; sized < changes.writes.size(); sized++) {
      const RecordWrite& write = changes.writes[sized];
      bytes += write.key.size() + (write.value ? write.value->size() : 0);
    }
  }
  if (!changes.writes.empty())
    changes.writes.push_back({"forgotten", Buffer(std::to_string(forgotten_.forgotten - unsaved_forgotten_))});
  return changes;
}

void Directory::changes_failed(const Changes& changes) {
  for (const auto& [id, forgotten] : changes.children) {
    unsaved_[id] += forgotten;
    unsaved_forgotten_ += forgotten;
  }
}

void Directory::restore(const Restored& restored) {
  const auto message = [&](const std::string& key) -> std::optional<wire::Message> {
    const auto found = restored.records.find(key);
    if (found == restored.records.end()) return std::nullopt;
    auto decoded = wire::decode(found->second);
    return decoded.ok() ? std::move(*decoded) : std::nullopt;
  };
  if (const auto found = restored.records.find("forgotten"); found != restored.records.end()) {
    Contribution forgotten;
    forgotten.forgotten = std::strtoull(found->second.str().c_str(), nullptr, 10);
    sum_.replace("", forgotten_, forgotten);
    forgotten_ = forgotten;
  }
  for (auto it = restored.records.lower_bound("known/");
       it != restored.records.end() && it->first.starts_with("known/"); ++it) {
    const std::string id = it->first.substr(6);
    auto hello = message(it->first);
    if (!hello || !std::holds_alternative<wire::Hello>(*hello)) continue;
    auto child = std::make_unique<Child>();
    child->hello = std::get<wire::Hello>(std::move(*hello));
    if (child->hello.id != id) continue;
    auto status = message("status/" + id);
    if (child->engine()) {
      if (status && std::holds_alternative<wire::EngineStatus>(*status))
        child->status = std::get<wire::EngineStatus>(*status);
      child->position = child->status.position;
      child->reported = contribution_of(id, child->status, *state_);
    } else if (status && std::holds_alternative<wire::Rollup>(*status)) {
      const auto& rollup = std::get<wire::Rollup>(*status);
      child->position = rollup.position;
      child->reported.online = rollup.online;
      child->reported.offline = rollup.offline;
      child->reported.forgotten = rollup.forgotten;
      child->reported.gateways_online = rollup.gateways_online;
      child->reported.gateways_offline = rollup.gateways_offline;
      for (const auto& row : rollup.rows) child->reported.rows[row.release] = row;
    }
    // A wall clock may have jumped: it makes nobody wait for longer than the forget time.
    std::int64_t since_ms = 0, for_ms = 0;
    if (const auto found = restored.records.find("offline/" + id); found != restored.records.end()) {
      since_ms = std::max<std::int64_t>(std::strtoll(found->second.str().c_str(), nullptr, 10), 0);
      for_ms = std::clamp<std::int64_t>(core_->now().wall_ms - since_ms, 0, forget_after_ms_);
    }
    Child& kept = *(children_[id] = std::move(child));
    set_offline(kept, for_ms);
    // What is known only now, since when it is offline, is written. It may also have been the one too many.
    if (const Child* c = find(id); c && c->offline_since_ms == since_ms) unsaved_.erase(id);
  }
}

}  // namespace pinnate::tier
