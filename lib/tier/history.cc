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

std::uint64_t number_in(const std::string& key) { return std::strtoull(&key[key.find('/') + 1], nullptr, 10); }

// What an engine of that platform takes: its own, else the one for any.
const Digest* chosen(const std::map<std::string, Digest>& artifacts, const std::string& platform) {
  auto found = artifacts.find(platform);
  if (found == artifacts.end()) found = artifacts.find("any");
  return found == artifacts.end() ? nullptr : &found->second;
}

}  // namespace

std::vector<std::string> History::restore(const Restored& restored) {
  std::vector<std::string> notes;
  const auto unreadable = [&](const std::string& what, std::uint64_t number, const Status& why) {
    notes.push_back("the record of " + what + " " + std::to_string(number) +
                    " cannot be read and is left out: " + (why.ok() ? "it is of another kind" : why.message()));
  };
  for (const auto& [name, bytes] : restored.group("history/")) {
    auto one = wire::decode_as<wire::Releases>(bytes);
    if (one.ok() && one->releases.size() == 1)
      entries_[number_in(name)].facts = std::move(one->releases[0]);
    else
      unreadable("release", number_in(name), one.status());
  }
  for (const auto& [name, bytes] : restored.group("history-artifacts/")) {
    const auto found = entries_.find(number_in(name));
    if (found == entries_.end()) continue;
    std::string_view text = bytes.view();
    while (!text.empty()) {  // "PLATFORM HEX\n"
      const std::string_view line = text.substr(0, text.find('\n'));
      text.remove_prefix(std::min(text.size(), line.size() + 1));
      const std::size_t space = line.find(' ');
      const auto digest = space == std::string_view::npos ? std::nullopt : Digest::from_hex(line.substr(space + 1));
      if (digest)
        found->second.artifacts[std::string(line.substr(0, space))] = *digest;
      else
        unreadable("the artifacts of release", found->first, {PINNATE_CORRUPT, "a line is malformed"});
    }
  }
  for (const auto& [name, bytes] : restored.group("position/")) {
    const auto confirm = wire::decode_as<wire::Confirm>(bytes);
    if (confirm.ok())
      positions_[number_in(name)] = confirm->position;
    else
      unreadable("revision", number_in(name), confirm.status());
  }
  return notes;
}

RecordWrite History::facts_record(const wire::ReleaseFacts& facts) {
  wire::Releases one;
  one.releases.push_back(facts);
  return {key("history/", facts.number), wire::encode(one)};
}

std::vector<std::uint64_t> History::given_up_for(const Difference& difference) const {
  std::vector<std::uint64_t> numbers;
  std::size_t over = entries_.size() + difference.added.size();
  for (auto it = entries_.begin(); over > kEntries && it != entries_.end(); ++it) {
    if (it->second.facts.current && !difference.ended.contains(it->first)) continue;
    numbers.push_back(it->first);
    over--;
  }
  return numbers;
}

std::vector<RecordWrite> History::writes(const Difference& difference) const {
  std::vector<RecordWrite> writes;
  for (const auto& [number, how] : difference.ended) {
    const auto found = entries_.find(number);
    if (found == entries_.end()) continue;
    wire::ReleaseFacts facts = found->second.facts;
    facts.current = false;
    facts.ended = how;
    writes.push_back(facts_record(facts));
  }
  for (const Entry& entry : difference.added) {
    std::string text;
    for (const auto& [platform, digest] : entry.artifacts) text += platform + " " + digest.hex() + "\n";
    writes.push_back(facts_record(entry.facts));
    writes.push_back({key("history-artifacts/", entry.facts.number), Buffer(text)});
  }
  for (const std::uint64_t number : given_up_for(difference)) {
    writes.push_back({key("history/", number), std::nullopt});
    writes.push_back({key("history-artifacts/", number), std::nullopt});
  }
  if (difference.passed) {
    wire::Confirm confirm;
    confirm.position = *difference.passed;
    writes.push_back({key("position/", difference.passed->revision), wire::encode(confirm)});
    if (positions_.size() >= kPositions) writes.push_back({key("position/", positions_.begin()->first), std::nullopt});
  }
  return writes;
}

void History::apply(const Difference& difference) {
  for (const std::uint64_t number : given_up_for(difference)) entries_.erase(number);
  for (const auto& [number, how] : difference.ended) {
    const auto found = entries_.find(number);
    if (found == entries_.end()) continue;
    found->second.facts.current = false;
    found->second.facts.ended = how;
  }
  for (const Entry& entry : difference.added) entries_[entry.facts.number] = entry;
  if (!difference.passed) return;
  if (positions_.size() >= kPositions) positions_.erase(positions_.begin());
  positions_[difference.passed->revision] = *difference.passed;
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

bool History::contradicts(const wire::Position& position) const {
  const auto found = positions_.find(position.revision);
  return found != positions_.end() && found->second.epoch == position.epoch && found->second.digest != position.digest;
}

}  // namespace pinnate::tier
