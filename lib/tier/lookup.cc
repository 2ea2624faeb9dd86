#include "tier/lookup.h"

#include "base/check.h"

#include <algorithm>

namespace pinnate::tier {
namespace {

constexpr std::size_t kWalks = 256;
constexpr char kMembers = '>';  // before a cursor among the members of the tier itself; no id begins with it
constexpr std::size_t kPageLimitBytes = 512 * 1024;  // a page ends early rather than grow over a message

wire::TierRow gateway_row(const Child& child) {
  wire::TierRow row;
  row.role = wire::Role::gateway;
  row.id = child.hello.id;
  row.online = child.link != 0;
  row.labels = child.hello.labels;
  row.position = child.hello.position;
  row.online_engines = child.rollup->online;
  row.known_engines = child.rollup->online + child.rollup->offline;
  if (!child.notices.empty()) row.notice = child.notices.front();
  return row;
}

}  // namespace

void not_answered(wire::Tiers* answer, const std::string& gateway, const std::string& why, Code code) {
  if (answer->code == PINNATE_BUSY) return;  // which says: try again
  answer->code = code;
  answer->reason = cut_reason((gateway.empty() ? "a gateway " : "gateway '" + gateway + "' ") + why);
}

std::size_t size_of(const wire::TierRow& row) {
  std::size_t bytes = 200 + row.id.size() + row.path.size() + row.notice.size();
  bytes += row.address.size();
  for (const std::string& source : row.sources) bytes += 4 + source.size();
  for (const auto& [key, value] : row.labels) bytes += key.size() + value.size() + 4;
  for (const auto& s : row.services) bytes += 40 + s.name.size() + s.version.size() + s.reason.size();
  return bytes;
}

std::optional<wire::TierRow> engine_row(const wire::Hello& hello, bool online, const wire::EngineStatus& status,
                                        const DesiredState& state, const wire::Lookup& lookup) {
  if (!lookup.at.empty() || (!lookup.engine.empty() && lookup.engine != hello.id)) return std::nullopt;
  wire::TierRow row;
  row.role = wire::Role::engine;
  row.id = hello.id;
  row.online = online;
  row.platform = hello.platform;
  row.labels = hello.labels;
  row.position = status.position;
  row.notice = status.notice;
  if (online) row.kept = status.kept;
  row.services = status.rows;
  for (const auto& [number, entry] : state.releases())  // not evaluated yet
    if (online && (status.position.epoch != state.position().epoch || number > status.position.revision) &&
        std::none_of(status.rows.begin(), status.rows.end(), [&, n = number](const auto& r) { return r.release == n; }))
      row.services.push_back({number, entry->release.name, entry->release.version, wire::Phase::pending, false, ""});
  if (!online)
    for (auto& service : row.services) service.phase = wire::Phase::offline;
  std::erase_if(row.services, [&](const wire::ServiceRow& s) {
    return (!lookup.name.empty() && s.name != lookup.name) ||
           (lookup.phase != 0 && static_cast<int>(s.phase) != lookup.phase - 1);
  });
  const bool offline_wanted = lookup.phase == 1 + static_cast<int>(wire::Phase::offline) && !online;
  // Who names an engine wants to know that it is there, whatever it serves.
  const bool service_wanted = lookup.phase != 0 || (!lookup.name.empty() && lookup.engine.empty());
  if (row.services.empty() && service_wanted && !offline_wanted) return std::nullopt;
  return row;
}

void LookupPages::ask(const wire::Lookup& lookup, Answer answer) {
  if (walks_ >= kWalks) return answer({0, PINNATE_BUSY, "too many lookups at once", {}, {}});
  auto walk = std::make_shared<Walk>();
  walk->lookup = lookup;
  walk->answer = std::move(answer);
  walk->deadline_ms = core_->now().monotonic_ms + lookup.timeout_ms;
  const auto slash = lookup.cursor.find('/');
  const bool at_member = lookup.members && lookup.cursor.starts_with(kMembers);
  if (at_member) {
    walk->at_member = lookup.cursor.substr(1);
  } else {
    walk->at_child = lookup.cursor.substr(0, slash);
    if (slash != std::string::npos) walk->inner = lookup.cursor.substr(slash + 1);
  }
  ++walks_;
  if (lookup.members && lookup.at.empty() && (at_member || lookup.cursor.empty()) && !add_members(*walk)) return;
  go_on(walk);
}

bool LookupPages::add_members(Walk& walk) {
  const std::string next = members_(walk.at_member, [&walk](wire::TierRow row) {
    if (walk.page.rows.size() >= walk.lookup.limit || walk.bytes >= kPageLimitBytes) return false;
    add(walk, std::move(row));
    return true;
  });
  if (!next.empty()) finish(walk, kMembers + next);
  return next.empty();
}

void LookupPages::go_on(const WalkPtr& walk) {
  const auto& children = directory_->children();
  for (auto it = children.lower_bound(walk->at_child); it != children.end(); ++it) {
    walk->at_child = it->first;
    if (walk->page.rows.size() >= walk->lookup.limit || walk->bytes >= kPageLimitBytes) return finish(*walk, it->first);
    if (!visit(walk, *it->second)) return;
    walk->inner.clear();
  }
  finish(*walk, "");
}

bool LookupPages::visit(const WalkPtr& walk, const Child& child) {
  const wire::Lookup& lookup = walk->lookup;
  const std::string& id = child.hello.id;
  walk->at_found |= !child.engine() && id == lookup.at;
  if (child.engine()) {
    if (lookup.members) return true;
    if (auto row = engine_row(child.hello, child.link != 0, child.status, *state_, lookup)) add(*walk, std::move(*row));
    return true;
  }
  if (lookup.gateways && walk->inner.empty() && (lookup.at.empty() || lookup.at == id)) add(*walk, gateway_row(child));
  const std::int64_t left_ms = walk->deadline_ms - core_->now().monotonic_ms;
  if (child.link == 0) {
    if (!lookup.gateways) add_unreachable(*walk, child, "offline");
    return true;
  }
  if (left_ms <= 0) {
    walk->page.code = PINNATE_TIMEOUT;
    walk->page.reason = "the time was up before all gateways had answered";
    finish(*walk, id);
    return false;
  }
  if (walk->page.rows.size() >= lookup.limit) {  // only its own row fitted
    finish(*walk, id + "/-");
    return false;
  }
  wire::Lookup below = lookup;
  below.cursor = walk->inner == "-" ? "" : walk->inner;
  below.limit = lookup.limit - static_cast<std::uint32_t>(walk->page.rows.size());
  inquiries_->ask(child.link, id, below, left_ms,
                  [this, walk, id](wire::Tiers* tiers, const char* failed) { end_part(walk, id, tiers, failed); });
  return false;
}

void LookupPages::end_part(const WalkPtr& walk, const std::string& gateway, wire::Tiers* tiers, const char* failed) {
  const auto& children = directory_->children();
  if (tiers) {
    for (auto& row : tiers->rows) {
      if (walk->page.rows.size() >= walk->lookup.limit) break;
      if (walk->bytes + size_of(row) > kTiersBytes) {
        not_answered(&walk->page, gateway, "answered with more than fits a page");
        break;
      }
      if (walk->lookup.members && row.member == wire::MemberState::none && row.online) continue;  // an older gateway's
      row.path = row.path.empty() ? gateway : gateway + "/" + row.path;
      if (row.path.size() <= 2048) add(*walk, std::move(row));
    }
    const bool elsewhere = tiers->code == PINNATE_NOT_FOUND && !walk->lookup.at.empty();
    walk->at_found |= !elsewhere;
    if (tiers->code != PINNATE_OK && !elsewhere)
      walk->page.code = tiers->code, walk->page.reason = cut_reason(tiers->reason);
    if (!tiers->next.empty()) return finish(*walk, gateway + "/" + tiers->next);
  } else {
    not_answered(&walk->page, gateway, failed);
    if (const auto child = children.find(gateway); child != children.end())
      add_unreachable(*walk, *child->second, failed);
  }
  walk->inner.clear();
  const auto next = children.upper_bound(gateway);
  if (next == children.end()) return finish(*walk, "");
  walk->at_child = next->first;
  go_on(walk);
}

// A gateway that cannot be asked is a row of its own: what is missing can be seen.
void LookupPages::add_unreachable(Walk& walk, const Child& child, const std::string& why) {
  if (walk.page.rows.size() >= walk.lookup.limit) return;
  if (!walk.lookup.at.empty() && walk.lookup.at != child.hello.id) return;
  const auto shown = std::find_if(walk.page.rows.begin(), walk.page.rows.end(), [&](const wire::TierRow& row) {
    return row.path.empty() && row.id == child.hello.id;
  });
  if (shown != walk.page.rows.end()) {
    shown->online = false;
    shown->notice = why;
    return;
  }
  wire::TierRow row = gateway_row(child);
  row.online = false;
  row.notice = why;
  add(walk, std::move(row));
}

void LookupPages::add(Walk& walk, wire::TierRow row) {
  walk.bytes += size_of(row);
  walk.page.rows.push_back(std::move(row));
}

void LookupPages::finish(Walk& walk, const std::string& next) {
  if (PINNATE_CHECK(walks_ > 0, "more lookups ended than began")) --walks_;
  walk.page.next = next;
  // Nobody knew a gateway of that id, here or below.
  if (walk.page.code == PINNATE_OK && next.empty() && walk.lookup.cursor.empty() && !walk.lookup.at.empty() &&
      !walk.at_found) {
    walk.page.code = PINNATE_NOT_FOUND;
    walk.page.reason = "'" + core_->options().id + "' knows no gateway '" + walk.lookup.at + "'";
  }
  // Rows that were found are worth having even where a gateway did not answer; the words say which.
  if (!walk.page.rows.empty()) walk.page.code = PINNATE_OK;
  std::exchange(walk.answer, {})(std::move(walk.page));
}

}  // namespace pinnate::tier
