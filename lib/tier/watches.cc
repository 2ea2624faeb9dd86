#include "tier/watches.h"

#include <algorithm>

namespace pinnate::tier {

void Watches::asked(LinkId link, const wire::GetStatus& get) {
  if (get.end_watch) {
    names_.erase({link, get.id});
    return;
  }
  const auto others =
      std::count_if(names_.begin(), names_.end(), [](const auto& watch) { return watch.first.first != kHostLink; });
  const bool full = get.watch && link != kHostLink && std::size_t(others) >= most_;
  wire::StatusReport out;
  if (full) {
    out.code = PINNATE_BUSY;
    out.reason = "too many watches";
  } else {
    if (get.watch) names_[{link, get.id}] = get.name;
    out = report_(get.name);
  }
  out.id = get.id;
  core_->send(link, out);
}

void Watches::link_down(LinkId link) {
  std::erase_if(names_, [&](const auto& watch) { return watch.first.first == link; });
}

void Watches::changed() {
  std::map<std::string, wire::StatusReport> reports;  // many may watch one name
  for (const auto& [who, name] : names_) {
    auto found = reports.find(name);
    if (found == reports.end()) found = reports.emplace(name, report_(name)).first;
    found->second.id = who.second;
    core_->send(who.first, found->second);
  }
}

}  // namespace pinnate::tier
