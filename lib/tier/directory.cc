#include "tier/directory.h"

#include "base/check.h"
#include "base/plant.h"
#include "tier/claims.h"

#include <algorithm>

namespace pinnate::tier {
namespace {

constexpr std::size_t kRowsPerChild = 4 * kReleaseLimit;
constexpr std::size_t kBytesPerChild = 4 * 1024 * 1024;  // of rows, with the names and reasons in them

}  // namespace

Child* Directory::find(const std::string& id) {
  const auto found = children_.find(id);
  return found == children_.end() ? nullptr : found->second.get();
}

void Directory::changed(const Child& child) {
  records_.changed(child.hello.id);
  changed_();
}

// ---- who is there -------------------------------------------------------------------------------

void Directory::joined(const Session& session, const wire::Hello& hello) {
  auto& child = children_[hello.id];
  if (!child)
    child = std::make_unique<Child>();
  else
    tally_.remove(*child);
  child->forget.cancel();
  not_offline(*child);
  child->offline_since_ms = 0;
  // Nothing is known of an engine until it speaks. What is below a gateway stays as last known,
  // offline, until its first roll-up, which is whole.
  child->status = {};
  if (hello.role == wire::Role::engine)
    child->rollup.reset();
  else if (child->rollup)
    lose(child->rollup.get());
  else
    child->rollup = std::make_unique<wire::Rollup>();
  child->notices.clear();
  child->ahead = false;
  child->hello = hello;
  child->link = session.link;
  tally_.add(*child);
  changed(*child);
}

void Directory::left(const Session& session, bool forget_it) {
  Child* child = find(session.peer.id);
  if (!child || child->link != session.link) return;
  if (forget_it || child->hello.ephemeral) return forget(session.peer.id, false);
  set_offline(*child);
}

// `for_ms`: it has been so for that long already.
void Directory::set_offline(Child& child, std::int64_t for_ms) {
  const std::string id = child.hello.id;
  child.link = 0;
  child.offline_since_ms = closing_ ? 0 : core_->now().wall_ms - for_ms;
  child.forget_at_ms = core_->now().monotonic_ms + forget_after_ms_ - for_ms;
  if (!PINNATE_PLANT(rollup_keeps_the_lost)) {
    tally_.remove(child);
    if (child.rollup) lose(child.rollup.get());
    tally_.add(child);
  }
  changed(child);
  child.forget = core_->alarm_at(child.forget_at_ms, [this, id] { forget(id, true); });
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
  const std::size_t kept = std::exchange(child.kept_bytes, 0);
  offline_bytes_ -= PINNATE_CHECK(kept <= offline_bytes_, "more bytes of offline tiers than are kept") ? kept : 0;
}

void Directory::forget(const std::string& id, bool tell) {
  const auto found = children_.find(id);
  if (found == children_.end()) return;
  Child& child = *found->second;
  not_offline(child);
  const Totals part = totals_of(child);
  const std::uint64_t more = part.forgotten + (tell ? part.online + part.offline : 0);
  tally_.remove(child);
  tally_.forgot(more);
  if (tell) core_->log(PINNATE_LOG_WARNING, named(child.hello) + " was offline for too long and is forgotten");
  children_.erase(found);
  records_.removed(id, more);
  forgot_(id);
  changed_();
}

void Directory::restore(const Restored& restored) {
  auto known = records_.restore(restored);
  tally_.forgot(records_.forgotten());
  for (auto& restored_child : known) {
    const std::string id = restored_child->hello.id;
    Child& child = *(children_[id] = std::move(restored_child));
    const std::int64_t since_ms = child.offline_since_ms;
    tally_.add(child);
    // A wall clock may have jumped: it makes nobody wait for longer than the forget time.
    set_offline(child,
                since_ms == 0 ? 0 : std::clamp<std::int64_t>(core_->now().wall_ms - since_ms, 0, forget_after_ms_));
    // Its time is written if it is known only now. It may have been the one too many.
    if (const Child* c = find(id); c && c->offline_since_ms == since_ms) records_.unchanged(id);
  }
}

// ---- what it says -------------------------------------------------------------------------------

Child* Directory::speaker(const Session& session, wire::Role role) {
  Child* child = find(session.peer.id);
  return child && child->link == session.link && child->hello.role == role ? child : nullptr;
}

Status Directory::take(const Session& session, wire::EngineStatus status) {
  Child* child = speaker(session, wire::Role::engine);
  if (!child) return {};
  if (Status s = check_shape(status); !s.ok()) return s;
  const std::string untrue = drop_untrue(&status, *state_);
  for (wire::ServiceRow& row : status.rows) row.reason = cut_reason(std::move(row.reason));
  child->hello.position = status.position;
  child->ahead = status.position.newer_than(state_->position());
  child->notices.clear();
  for (const std::string& text : {untrue, status.notice})
    if (!text.empty()) child->notices.push_back(named(child->hello) + ": " + cut_reason(text));
  tally_.replace(*child, std::move(status));
  changed(*child);
  return {};
}

Status Directory::take(const Session& session, wire::Rollup rollup) {
  Child* child = speaker(session, wire::Role::gateway);
  if (!child) return {};
  if (Status s = check_shape(rollup); !s.ok()) return s;
  const std::string untrue = drop_untrue(&rollup, *state_);
  for (wire::ReleaseRow& row : rollup.rows) {
    if (row.failures.size() > kFailuresShown) row.failures.resize(kFailuresShown);
    for (auto& failure : row.failures) failure.reason = cut_reason(std::move(failure.reason));
  }
  child->hello.position = rollup.position;
  child->notices.clear();
  if (!untrue.empty()) child->notices.push_back(named(child->hello) + ": " + untrue);
  for (std::string& notice : std::exchange(rollup.notices, {}))
    if (child->notices.size() < kNoticesShown) child->notices.push_back(cut_reason(std::move(notice)));
  tally_.replace(*child, std::move(rollup));
  if (child->rollup->rows.size() > kRowsPerChild || child->rollup_bytes > kBytesPerChild) {
    tally_.remove(*child);  // no honest gateway says so much
    child->rollup->rows.clear();
    child->rollup_bytes = 0;
    tally_.add(*child);
  }
  changed(*child);
  return {};
}

void Directory::state_changed() {
  for (auto& [id, child] : children_) {
    if (child->link == 0 || !(child->ahead || tally_.outdated(*child))) continue;
    tally_.remove(*child);
    const std::string untrue = child->engine() ? drop_untrue(&child->status, *state_) : std::string();
    if (!untrue.empty()) child->notices.insert(child->notices.begin(), named(child->hello) + ": " + untrue);
    child->ahead = child->engine() && child->hello.position.newer_than(state_->position());
    tally_.add(*child);
  }
  tally_.state_changed();
}

// ---- what is told of them -----------------------------------------------------------------------

void Directory::add_notices(std::vector<std::string>* all) const {
  for (const auto& [id, child] : children_)
    for (const auto& notice : child->notices)
      if (child->link != 0 && all->size() < kNoticesShown) all->push_back(notice);
}

std::vector<wire::Rollup> Directory::take_rollup(bool whole, std::vector<std::string> notices) {
  add_notices(&notices);
  return tally_.take_rollup(whole, notices);
}

void Directory::report(const std::string& name, wire::StatusReport* out) const {
  tally_.report(name, out);
  add_notices(&out->notices);
}

}  // namespace pinnate::tier
