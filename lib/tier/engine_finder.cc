#include "tier/engine_finder.h"

#include "base/check.h"
#include "tier/lookup.h"

#include <algorithm>

namespace pinnate::tier {
namespace {

constexpr std::size_t kSearches = 1024;
constexpr std::size_t kAskedAtOnce = 16384;  // gateways, in all searches
constexpr std::int64_t kLeastRoundMs = 500;
constexpr std::size_t kRoutes = 65536, kRememberedBytes = 512;  // of a path
constexpr std::size_t kPathBytes = 2048;  // a longer one is no honest tier's

}  // namespace

void EngineFinder::find(const wire::Lookup& lookup, Answer answer) {
  if (searches_ >= kSearches)
    return answer({0, PINNATE_BUSY, "'" + core_->options().id + "' looks for too many engines at once", {}, {}});
  ++searches_;
  const auto search = std::make_shared<Search>();
  search->lookup = lookup;
  search->lookup.cursor.clear();
  search->deadline_ms = core_->now().monotonic_ms + lookup.timeout_ms;
  search->answer = std::move(answer);
  if (const auto found = directory_->children().find(lookup.engine); found != directory_->children().end())
    if (const Child& child = *found->second; child.engine())
      if (auto row = engine_row(child.hello, child.link != 0, child.status, *state_, search->lookup))
        add(*search, std::move(*row));
  next_round(search);
  ask_on();
}

void EngineFinder::next_round(const SearchPtr& search) {
  if (search->round == Search::everywhere || search->found.rows.size() >= search->lookup.limit) return finish(*search);
  const bool first = search->round == Search::none && !search->lookup.name.empty();
  search->round = first ? Search::where_served : Search::everywhere;
  search->asked = 0;
  std::vector<LinkId> before = std::exchange(search->gateways, {});
  std::sort(before.begin(), before.end());
  const auto ask = [&](const Child& child) {
    if (child.engine()) return;
    if (child.link == 0)
      not_answered(&search->found, child.hello.id, "is offline");
    else if (!std::binary_search(before.begin(), before.end(), child.link))
      search->gateways.push_back(child.link);
  };
  if (first)
    for (const Child* child : directory_->serving(search->lookup.name)) ask(*child);
  else
    for (const auto& [id, child] : directory_->children()) ask(*child);
  turns_.push_back(search);
}

void EngineFinder::ask_on() {
  while (inquiries_->unanswered() < kAskedAtOnce && !turns_.empty()) {
    const SearchPtr search = turns_.front();
    if (!search->answer || search->asked == search->gateways.size()) {
      turns_.pop_front();
      if (search->answer && search->over()) next_round(search);
      continue;
    }
    // A gateway that is silent leaves time for the next round, and for the call that follows.
    const std::int64_t left_ms = search->deadline_ms - core_->now().monotonic_ms;
    const std::int64_t limit_ms = std::max(left_ms / 4, std::min(left_ms, kLeastRoundMs));
    const Session* const gateway = links_->find(search->gateways[search->asked++]);
    if (!gateway || limit_ms <= 0) {
      not_answered(&search->found, "", gateway ? "could not be asked in time" : "was lost meanwhile",
                   gateway ? PINNATE_BUSY : PINNATE_UNREACHABLE);
      continue;
    }
    ++search->waiting;
    inquiries_->ask(gateway->link, gateway->peer.id, search->lookup, limit_ms,
                    [this, search, id = gateway->peer.id](wire::Tiers* tiers, const char* failed) {
                      if (PINNATE_CHECK(search->waiting > 0, "more answers than questions")) --search->waiting;
                      if (search->answer) answered(*search, id, tiers, failed);
                      if (search->answer && search->over()) next_round(search);
                      ask_on();
                    });
  }
}

void EngineFinder::answered(Search& search, const std::string& gateway, wire::Tiers* tiers, const char* failed) {
  if (!tiers) return not_answered(&search.found, gateway, failed);
  if (tiers->code != PINNATE_OK) not_answered(&search.found, gateway, "says: " + tiers->reason, tiers->code);
  for (wire::TierRow& row : tiers->rows) {
    row.path = gateway + (row.path.empty() ? "" : "/") + row.path;
    add(search, std::move(row));
  }
}

void EngineFinder::add(Search& search, wire::TierRow row) {
  if (row.role != wire::Role::engine || row.id != search.lookup.engine || row.path.size() > kPathBytes) return;
  search.bytes += size_of(row);
  if (search.bytes > kTiersBytes) return not_answered(&search.found, row.path, "answered with more than fits a page");
  if (row.online && !row.path.empty() && row.path.size() <= kRememberedBytes) remember(row.id, route_to(row));
  (row.online ? search.found.rows : search.offline).push_back(std::move(row));
}

void EngineFinder::finish(Search& search) {
  --searches_;
  auto& rows = search.found.rows;
  std::move(search.offline.begin(), search.offline.end(), std::back_inserter(rows));
  if (rows.size() > search.lookup.limit) rows.resize(search.lookup.limit);
  if (!rows.empty()) search.found.code = PINNATE_OK;
  std::exchange(search.answer, {})(std::move(search.found));
}

EngineFinder::Route EngineFinder::route_to(const wire::TierRow& engine) {
  Route route;
  for (std::size_t at = 0; at < engine.path.size();) {
    const std::size_t slash = std::min(engine.path.find('/', at), engine.path.size());
    route.push_back(engine.path.substr(at, slash - at));
    at = slash + 1;
  }
  route.push_back(engine.id);
  return route;
}

const EngineFinder::Route* EngineFinder::remembered(const std::string& engine) const {
  const auto found = routes_.find(engine);
  return found == routes_.end() ? nullptr : &found->second;
}

void EngineFinder::remember(const std::string& engine, Route route) {
  if (routes_.size() >= kRoutes && !routes_.contains(engine)) routes_.erase(routes_.begin());
  routes_[engine] = std::move(route);
}

}  // namespace pinnate::tier
