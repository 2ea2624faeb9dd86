#include "tier/watches.h"

#include <algorithm>

namespace pinnate::tier {

void Watches::asked(LinkId link, const wire::GetStatus& get) {
  if (get.end_watch) return void(names_.erase({link, get.id}));
  const auto others =
      std::count_if(names_.begin(), names_.end(), [](const auto& watch) { return watch.first.first != kHostLink; });
  if (get.watch && link != kHostLink && std::size_t(others) >= most_)
    return core_->refuse(link, get, {PINNATE_BUSY, "too many watches"});
  if (get.watch) names_[{link, get.id}] = get.name;
  wire::StatusReport out = report_(get.name);
  out.id = get.id;
  core_->send(link, out);
}

void Watches::link_down(LinkId link) {
  std::erase_if(names_, [&](const auto& watch) { return watch.first.first == link; });
}

void Watches::changed() {
  std::map<std::string, wire::StatusReport> reports;  // many may watch one name
  for (const auto& [who, name] : names_) {
    const auto [report, fresh] = reports.try_emplace(name);
    if (fresh) report->second = report_(name);
    report->second.id = who.second;
    core_->send(who.first, report->second);
  }
}

}  // namespace pinnate::tier
