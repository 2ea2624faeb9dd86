#include "tier/history.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace pinnate::tier {
namespace {

constexpr std::size_t kEntries = 20000, kPositions = 20000;
constexpr std::size_t kListBytes = 1024 * 1024;  // a list ends early rather than grow over a message
constexpr std::size_t kFactsBytes = 300;  // of one release, selector and platforms apart

std::string key(const char* prefix, std::uint64_t number) {
  char text[48];
  std::snprintf(text, sizeof text, "%s%020llu", prefix, static_cast<unsigned long long>(number));
  return text;
}

template <class F>
void each(const Restored& restored, const std::string& prefix, F&& f) {
  for (auto it = restored.records.lower_bound(prefix); it != restored.records.end() && it->first.starts_with(prefix);
       ++it)
    f(std::strtoull(it->first.c_str() + prefix.size(), nullptr, 10), it->second);
}

// What an engine of that platform takes: its own, else the one for any.
const Digest* chosen(const std::map<std::string, Digest>& artifacts, const std::string& platform) {
  auto found = artifacts.find(platform);
  if (found == artifacts.end()) found = artifacts.find("any");
  return found == artifacts.end() ? nullptr : &found->second;
}

}  // namespace

void History::restore(const Restored& restored) {
  each(restored, "history/", [&](std::uint64_t number, const Buffer& bytes) {
    auto decoded = wire::decode(bytes);
    if (!decoded.ok() || !decoded->has_value() || !std::holds_alternative<wire::Releases>(**decoded)) return;
    auto& releases = std::get<wire::Releases>(**decoded).releases;
    if (releases.size() == 1) entries_[number].facts = std::move(releases[0]);
  });
  each(restored, "history-artifacts/", [&](std::uint64_t number, const Buffer& bytes) {
    const auto found = entries_.find(number);
    if (found == entries_.end()) return;
    std::string_view text = bytes.view();
    while (!text.empty()) {  // "PLATFORM HEX\n"
      const std::string_view line = text.substr(0, text.find('\n'));
      text.remove_prefix(std::min(text.size(), line.size() + 1));
      const std::size_t space = line.find(' ');
      if (space == std::string_view::npos) continue;
      if (auto digest = Digest::from_hex(line.substr(space + 1)))
        found->second.artifacts[std::string(line.substr(0, space))] = *digest;
    }
  });
  each(restored, "position/", [&](std::uint64_t revision, const Buffer& bytes) {
    auto decoded = wire::decode(bytes);
    if (decoded.ok() && decoded->has_value() && std::holds_alternative<wire::Confirm>(**decoded))
      positions_[revision] = std::get<wire::Confirm>(**decoded).position;
  });
}

RecordWrite History::facts_record(const wire::ReleaseFacts& facts) {
  wire::Releases one;
  one.releases.push_back(facts);
  return {key("history/", facts.number), wire::encode(one)};
}

void History::remember(std::uint64_t number) {
  const auto found = entries_.find(number);
  before_.try_emplace(number, found == entries_.end() ? std::nullopt : std::optional(found->second));
}

void History::settle() {
  before_.clear();
  positions_before_.clear();
}

void History::take_back() {
  for (auto& [number, entry] : before_) {
    if (entry)
      entries_[number] = std::move(*entry);
    else
      entries_.erase(number);
  }
  for (auto& [revision, position] : positions_before_) {
    if (position)
      positions_[revision] = *position;
    else
      positions_.erase(revision);
  }
  settle();
}

void History::add(const wire::ReleaseFacts& facts, Artifacts artifacts, std::vector<RecordWrite>* writes) {
  std::string text;
  for (const auto& [platform, digest] : artifacts) text += platform + " " + digest.hex() + "\n";
  writes->push_back(facts_record(facts));
  writes->push_back({key("history-artifacts/", facts.number), Buffer(text)});
  remember(facts.number);
  entries_[facts.number] = {facts, std::move(artifacts)};
  for (auto it = entries_.begin(); entries_.size() > kEntries && it != entries_.end();) {
    if (it->second.facts.current) {
      ++it;
      continue;
    }
    remember(it->first);
    writes->push_back({key("history/", it->first), std::nullopt});
    writes->push_back({key("history-artifacts/", it->first), std::nullopt});
    it = entries_.erase(it);
  }
}

void History::end(std::uint64_t number, const std::string& how, std::vector<RecordWrite>* writes) {
  const auto found = entries_.find(number);
  if (found == entries_.end()) return;
  remember(number);
  found->second.facts.current = false;
  found->second.facts.ended = how;
  writes->push_back(facts_record(found->second.facts));
}

std::uint64_t History::begins_at() const {
  if (entries_.size() < kEntries) return 0;
  const auto oldest =
      std::find_if(entries_.begin(), entries_.end(), [](const auto& e) { return !e.second.facts.current; });
  return oldest == entries_.end() ? 0 : oldest->first;
}

std::vector<wire::ReleaseFacts> History::list(const std::string& name, std::size_t most) const {
  std::vector<wire::ReleaseFacts> all;
  std::size_t bytes = 0;
  for (auto it = entries_.rbegin(); it != entries_.rend() && all.size() < most; ++it) {
    const wire::ReleaseFacts& facts = it->second.facts;
    if (!name.empty() && facts.name != name) continue;
    bytes += kFactsBytes + facts.selector.size() + facts.platforms.size();
    if (bytes > kListBytes) break;
    all.push_back(facts);
  }
  return all;
}

Status History::check_same_bytes(const content::Manifest& manifest) const {
  Artifacts now;
  for (const auto& artifact : manifest.artifacts) now[artifact.platform] = artifact.digest;
  for (auto it = entries_.rbegin(); it != entries_.rend(); ++it) {
    const auto& [facts, artifacts] = it->second;
    if (facts.name != manifest.name || facts.version != manifest.version) continue;
    const auto check = [&](const std::string& platform) -> Status {
      const Digest *before = chosen(artifacts, platform), *after = chosen(now, platform);
      if (!before || !after || *before == *after) return {};
      return {PINNATE_CONFLICT, "module '" + manifest.name + "' " + manifest.version +
                                    " was published with other bytes for " + platform + " (release " +
                                    std::to_string(facts.number) + "); give these another version"};
    };
    for (const Artifacts* platforms : {&std::as_const(now), &artifacts})
      for (const auto& [platform, digest] : *platforms)
        if (Status same = check(platform); !same.ok()) return same;
  }
  return {};
}

void History::passed(const wire::Position& position, std::vector<RecordWrite>* writes) {
  const auto found = positions_.find(position.revision);
  positions_before_.try_emplace(position.revision,
                                found == positions_.end() ? std::nullopt : std::optional(found->second));
  positions_[position.revision] = position;
  wire::Confirm confirm;
  confirm.position = position;
  writes->push_back({key("position/", position.revision), wire::encode(confirm)});
  while (positions_.size() > kPositions) {
    positions_before_.try_emplace(positions_.begin()->first, positions_.begin()->second);
    writes->push_back({key("position/", positions_.begin()->first), std::nullopt});
    positions_.erase(positions_.begin());
  }
}

bool History::contradicts(const wire::Position& position) const {
  const auto found = positions_.find(position.revision);
  if (found != positions_.end())
    return found->second.epoch == position.epoch && found->second.digest != position.digest;
  return false;
}

}  // namespace pinnate::tier
