#include "simulator/ledger.h"

#include "content/selector.h"

#include <algorithm>
#include <set>
#include <string_view>

namespace pinnate::simulator {
namespace {

std::uint64_t get_u64(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value = value << 8 | static_cast<std::uint8_t>(bytes[i]);
  return value;
}

const Buffer* record(const sim::DiskImage& disk, const char* key) {
  const auto found = disk.records.find(key);
  return found == disk.records.end() ? nullptr : &found->second;
}

}  // namespace

std::string in_words(const Place& place) {
  return "epoch " + std::to_string(place.epoch) + " revision " + std::to_string(place.revision);
}

const content::Release* DesiredSet::choose(const std::string& function, const Labels& labels) const {
  for (auto it = releases.rbegin(); it != releases.rend(); ++it) {
    if (it->second.name != function) continue;
    const auto selector = content::Selector::parse(it->second.selector);
    if (selector.ok() && selector->matches(labels)) return &it->second;
  }
  return nullptr;
}

std::vector<std::string> DesiredSet::functions() const {
  std::set<std::string> names;
  for (const auto& [number, release] : releases) names.insert(release.name);
  return {names.begin(), names.end()};
}

std::optional<Place> place_on(const sim::DiskImage& disk) {
  const Buffer* head = record(disk, "head");
  if (!head || head->size() < 16) return std::nullopt;
  return Place{get_u64(head->view()), get_u64(head->view().substr(8))};
}

DesiredSet Ledger::read(const sim::DiskImage& disk) {
  DesiredSet set;
  set.place = place_on(disk).value_or(Place{});
  for (auto it = disk.records.lower_bound("release/"); it != disk.records.end() && it->first.starts_with("release/");
       ++it) {
    auto release = content::decode_release(it->second);
    if (release.ok()) set.releases.emplace(release->number, std::move(*release));
  }
  return set;
}

std::optional<Ledger::Change> Ledger::look(const sim::DiskImage& disk) {
  const Buffer* head = record(disk, "head");
  if (!head || head->view() == head_.view()) return std::nullopt;
  head_ = *head;
  Change change;
  change.before = std::move(current_);
  current_ = read(disk);
  all_.emplace(current_.place, current_);
  for (const auto& [number, release] : current_.releases)
    if (!change.before.releases.contains(number)) change.added.push_back(release);
  for (const auto& [number, release] : change.before.releases)
    if (!current_.releases.contains(number)) change.removed.push_back(number);
  return change;
}

void Ledger::disk_was_put_back(const sim::DiskImage& disk) {
  ++backups_;
  const Buffer* head = record(disk, "head");
  head_ = head ? *head : Buffer();
  current_ = read(disk);
}

std::vector<const DesiredSet*> Ledger::at(const Place& place) const {
  std::vector<const DesiredSet*> found;
  for (auto [it, end] = all_.equal_range(place); it != end; ++it) found.push_back(&it->second);
  return found;
}

bool Ledger::numbers_used_twice() const {
  std::map<std::uint64_t, std::pair<std::string, std::string>> titles;
  for (const auto& [place, set] : all_)
    for (const auto& [number, release] : set.releases) {
      const auto title = std::pair(release.name, release.version);
      if (titles.emplace(number, title).first->second != title) return true;
    }
  return false;
}

}  // namespace pinnate::simulator
