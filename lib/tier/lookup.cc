#include "tier/lookup.h"

#include "base/limits.h"

#include <algorithm>
#include <iterator>

namespace pinnate::tier {
namespace {

constexpr std::size_t kWalks = 256;
constexpr std::int64_t kLeastPartMs = 500;
constexpr std::size_t kPageLimitBytes = 512 * 1024;  // a page ends early rather than grow over a message
constexpr std::size_t kPageBytes =
    kMessageLimitBytes - 64 * 1024;  // what an honest tier's page cannot come to with ours
constexpr std::uint32_t kRowLimit = 1000;

std::size_t size_of(const wire::TierRow& row) {
  std::size_t bytes = 200 + row.id.size() + row.path.size() + row.notice.size();
  for (const auto& [key, value] : row.labels) bytes += key.size() + value.size() + 4;
  for (const auto& s : row.services) bytes += 40 + s.name.size() + s.version.size() + s.reason.size();
  return bytes;
}

wire::TierRow gateway_row(const Child& child) {
  wire::TierRow row;
  row.role = wire::Role::gateway;
  row.id = child.hello.id;
  row.online = child.link != 0;
  row.labels = child.hello.labels;
  row.position = child.position;
  row.online_engines = child.counted.online;
  row.known_engines = child.counted.online + child.counted.offline;
  if (!child.notices.empty()) row.notice = child.notices.front();
  return row;
}

}  // namespace

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
  row.services = status.rows;
  for (const auto& [number, entry] : state.releases())  // not evaluated yet
    if (online && (status.position.epoch != state.position().epoch || number > status.position.revision) &&
        std::none_of(status.rows.begin(), status.rows.end(), [&, n = number](const auto& r) { return r.release == n; }))
      row.services.push_back({number, entry.release.name, entry.release.version, wire::Phase::pending, false, ""});
  if (!online)
    for (auto& service : row.services) service.phase = wire::Phase::offline;
  std::erase_if(row.services, [&](const wire::ServiceRow& s) {
    return (!lookup.name.empty() && s.name != lookup.name) ||
           (lookup.phase != 0 && static_cast<int>(s.phase) != lookup.phase - 1);
  });
  const bool offline_wanted = lookup.phase == 1 + static_cast<int>(wire::Phase::offline) && !online;
  if (row.services.empty() && (!lookup.name.empty() || lookup.phase != 0) && !offline_wanted) return std::nullopt;
  return row;
}

Lookups::~Lookups() {
  for (auto& [id, part] : parts_) core_->cancel_alarm(&part.limit);
}

void Lookups::ask(const wire::Lookup& lookup, Answer answer) {
  auto walk = std::make_shared<Walk>();
  walk->lookup = lookup;
  walk->lookup.limit = std::clamp<std::uint32_t>(lookup.limit, 1, kRowLimit);
  walk->answer = std::move(answer);
  walk->deadline_ms = core_->now().monotonic_ms + std::clamp<std::uint32_t>(lookup.timeout_ms, 1, 600000);
  if (walk->lookup.at == core_->options().id) walk->lookup.at.clear();
  const auto slash = lookup.cursor.find('/');
  walk->at_child = lookup.cursor.substr(0, slash);
  if (slash != std::string::npos) walk->inner = lookup.cursor.substr(slash + 1);
  if (parts_.size() >= kWalks) {
    walk->page.code = PINNATE_BUSY;
    walk->page.reason = "too many lookups at once";
    return finish(walk, "");
  }
  go_on(walk);
}

void Lookups::go_on(const std::shared_ptr<Walk>& walk) {
  const auto& children = directory_->children();
  for (auto it = children.lower_bound(walk->at_child); it != children.end(); it = std::next(it)) {
    walk->at_child = it->first;
    if (walk->page.rows.size() >= walk->lookup.limit || walk->bytes >= kPageLimitBytes) return finish(walk, it->first);
    if (!visit(walk, *it->second)) return;
    walk->inner.clear();
  }
  finish(walk, "");
}

bool Lookups::visit(const std::shared_ptr<Walk>& walk, const Child& child) {
  const wire::Lookup& lookup = walk->lookup;
  const std::string& id = child.hello.id;
  if (child.engine()) {
    if (auto row = engine_row(child.hello, child.link != 0, child.status, *state_, lookup)) add(*walk, std::move(*row));
    return true;
  }
  if (lookup.gateways && walk->inner.empty() && (lookup.at.empty() || lookup.at == id)) add(*walk, gateway_row(child));
  const std::int64_t left_ms = walk->deadline_ms - core_->now().monotonic_ms;
  if (child.link == 0) {
    if (!lookup.gateways) add_unreachable(*walk, child, "offline");
    if (!lookup.engine.empty()) not_asked(*walk, id, "is offline");
    return true;
  }
  if (left_ms <= 0 || walk->page.rows.size() >= lookup.limit) {
    if (left_ms > 0) {  // only its own row fitted
      finish(walk, id + "/-");
      return false;
    }
    walk->page.code = PINNATE_TIMEOUT;
    walk->page.reason = "the time was up before all gateways had answered";
    finish(walk, id);
    return false;
  }
  wire::Lookup below = lookup;
  below.id = next_part_++;
  if (below.at == id) below.at.clear();
  below.cursor = walk->inner == "-" ? "" : walk->inner;
  below.limit = lookup.limit - static_cast<std::uint32_t>(walk->page.rows.size());
  below.timeout_ms = static_cast<std::uint32_t>(left_ms);
  Part part{walk, child.link, id, 0};
  // One engine is looked for: a gateway that is slow must not keep all those behind it from being asked.
  const std::int64_t part_ms = lookup.engine.empty() ? left_ms : std::max(left_ms / 8, std::min(left_ms, kLeastPartMs));
  part.limit = core_->alarm_in(part_ms, [this, id = below.id] { end_part(id, nullptr, "did not answer in time"); });
  parts_.emplace(below.id, std::move(part));
  core_->send(child.link, below);
  return false;
}

void Lookups::take(LinkId link, wire::Tiers& tiers) {
  const auto found = parts_.find(tiers.id);
  if (found != parts_.end() && found->second.link == link) end_part(tiers.id, &tiers, nullptr);
}

void Lookups::link_down(LinkId link) {
  std::vector<std::uint64_t> ids;
  for (const auto& [id, part] : parts_)
    if (part.link == link) ids.push_back(id);
  for (std::uint64_t id : ids) end_part(id, nullptr, "was lost meanwhile");
}

void Lookups::end_part(std::uint64_t id, wire::Tiers* tiers, const char* failed) {
  const auto found = parts_.find(id);
  if (found == parts_.end()) return;
  Part part = std::move(found->second);
  parts_.erase(found);
  core_->cancel_alarm(&part.limit);
  Walk& walk = *part.walk;
  if (tiers) {
    for (auto& row : tiers->rows) {
      if (walk.page.rows.size() >= walk.lookup.limit) break;
      if (walk.bytes + size_of(row) > kPageBytes) {
        not_asked(walk, part.child, "answered with more than fits a page");
        break;
      }
      row.path = row.path.empty() ? part.child : part.child + "/" + row.path;
      if (row.path.size() <= 2048) add(walk, std::move(row));
    }
    if (tiers->code != PINNATE_OK) walk.page.code = tiers->code, walk.page.reason = cut_reason(tiers->reason);
    if (!tiers->next.empty()) return finish(part.walk, part.child + "/" + tiers->next);
  } else {
    not_asked(walk, part.child, failed);
    const auto child = directory_->children().find(part.child);
    if (child != directory_->children().end()) add_unreachable(walk, *child->second, failed);
  }
  walk.inner.clear();
  const auto& children = directory_->children();
  const auto next = children.upper_bound(part.child);
  if (next == children.end()) return finish(part.walk, "");
  walk.at_child = next->first;
  go_on(part.walk);
}

void Lookups::not_asked(Walk& walk, const std::string& gateway, const std::string& why) {
  walk.page.code = PINNATE_UNREACHABLE;
  walk.page.reason = "gateway '" + gateway + "' " + why;
}

// A gateway that cannot be asked is a row of its own, so that what is missing from the list can be seen.
void Lookups::add_unreachable(Walk& walk, const Child& child, const std::string& why) {
  if (!walk.lookup.engine.empty() || walk.page.rows.size() >= walk.lookup.limit) return;
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

void Lookups::add(Walk& walk, wire::TierRow row) {
  // One that moved is known as offline where it was: what is asked for is first of all where it is now.
  if (!walk.lookup.engine.empty() && !row.online) {
    if (walk.offline.size() < walk.lookup.limit && walk.bytes + size_of(row) <= kPageBytes) {
      walk.bytes += size_of(row);
      walk.offline.push_back(std::move(row));
    }
    return;
  }
  walk.bytes += size_of(row);
  walk.page.rows.push_back(std::move(row));
}

void Lookups::finish(const std::shared_ptr<Walk>& walk, const std::string& next) {
  walk->page.next = next;
  for (wire::TierRow& row : walk->offline)
    if (walk->page.rows.size() < walk->lookup.limit) walk->page.rows.push_back(std::move(row));
  // Rows that were found are worth having even where a gateway did not answer; the words say which.
  if (!walk->page.rows.empty() && walk->page.code != PINNATE_OK) walk->page.code = PINNATE_OK;
  Answer answer = std::move(walk->answer);
  answer(std::move(walk->page));
}

}  // namespace pinnate::tier
