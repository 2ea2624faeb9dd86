#include "tier/desired_state.h"

#include "base/limits.h"
#include "content/sha256.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace pinnate::tier {
namespace {

constexpr std::size_t kRememberedWithdrawals = 4096;

std::string record_key(std::uint64_t number) {
  char key[40];
  std::snprintf(key, sizeof key, "release/%020llu", static_cast<unsigned long long>(number));
  return key;
}

void put_u64(std::string* out, std::uint64_t v) {
  for (int shift = 56; shift >= 0; shift -= 8) out->push_back(static_cast<char>(v >> shift));
}
std::uint64_t get_u64(std::string_view s) {
  std::uint64_t v = 0;
  for (std::size_t i = 0; i < 8; i++) v = v << 8 | static_cast<std::uint8_t>(s[i]);
  return v;
}

}  // namespace

const DesiredState::Entry* DesiredState::find(std::uint64_t number) const {
  const auto found = releases_.find(number);
  return found == releases_.end() ? nullptr : found->second.get();
}

std::set<Digest> DesiredState::manifests() const {
  std::set<Digest> all;
  for (const auto& [number, entry] : releases_) all.insert(entry->release.manifest);
  return all;
}

bool DesiredState::publishes(std::string_view name) const {
  return std::any_of(releases_.begin(), releases_.end(), [&](const auto& r) { return r.second->release.name == name; });
}

// Of epoch, revision, and of each current release its number and the digest of its record.
Digest DesiredState::digest_at(std::uint64_t epoch, std::uint64_t revision) const {
  std::string text;
  text.reserve(16 + releases_.size() * 40);
  put_u64(&text, epoch);
  put_u64(&text, revision);
  for (const auto& [number, entry] : releases_) {
    put_u64(&text, number);
    text += entry->digest.view();
  }
  return content::sha256(text);
}

void DesiredState::decide(std::uint64_t epoch, std::uint64_t revision, const std::vector<std::uint64_t>& withdrawn,
                          const std::vector<Entry>& added) {
  if (epoch != position_.epoch) {  // a new history: no other copy can be at a revision of it
    withdrawn_.clear();
    floor_ = revision;
  }
  for (std::uint64_t number : withdrawn) {
    const auto found = releases_.find(number);
    if (found == releases_.end()) continue;
    size_bytes_ -= found->second->record.size();
    releases_.erase(found);
    withdrawn_.emplace_back(revision, number);
  }
  for (const Entry& entry : added)
    if (releases_.emplace(entry.release.number, std::make_shared<const Entry>(entry)).second)
      size_bytes_ += entry.record.size();
  if (withdrawn_.size() > kRememberedWithdrawals) {
    const auto kept = withdrawn_.end() - kRememberedWithdrawals;
    floor_ = (kept - 1)->first;
    withdrawn_.erase(withdrawn_.begin(), kept);
  }
  position_ = {epoch, revision, digest_at(epoch, revision)};
}

bool DesiredState::reaches_from(const wire::Position& from) const {
  return from.epoch == position_.epoch && from.revision >= floor_ && from.revision <= position_.revision &&
         from.revision > 0;
}

std::vector<std::uint64_t> DesiredState::withdrawn_since(std::uint64_t revision) const {
  std::vector<std::uint64_t> numbers;
  for (const auto& [at, number] : withdrawn_)
    if (at > revision && number <= revision) numbers.push_back(number);
  return numbers;
}

Status DesiredState::advance(const wire::Position& to, bool whole, const std::vector<std::uint64_t>& withdrawn,
                             std::vector<Entry> added) {
  DesiredState next;
  if (!whole) next = *this;
  next.decide(to.epoch, to.revision, withdrawn, added);
  if (whole) next.floor_ = to.revision;
  if (next.position_ != to)
    return {PINNATE_CORRUPT,
            "the desired state of revision " + std::to_string(to.revision) + " has another digest than announced"};
  if (next.releases_.size() > kReleaseLimit || next.size_bytes_ > kStateLimitBytes)
    return {PINNATE_TOO_LARGE,
            "a desired state of " + std::to_string(next.releases_.size()) + " releases is over the limit"};
  *this = std::move(next);
  return {};
}

Buffer DesiredState::head() const {
  std::string text;
  put_u64(&text, position_.epoch);
  put_u64(&text, position_.revision);
  text += position_.digest.view();
  put_u64(&text, floor_);
  for (const auto& [at, number] : withdrawn_) {
    put_u64(&text, at);
    put_u64(&text, number);
  }
  return Buffer(std::move(text));
}

std::vector<RecordWrite> DesiredState::changes_since(const DesiredState& before) const {
  std::vector<RecordWrite> writes;
  for (const auto& [number, entry] : before.releases_)
    if (const Entry* now = find(number); !now) writes.push_back({record_key(number), std::nullopt});
  for (const auto& [number, entry] : releases_)
    if (const Entry* then = before.find(number); !then || then->digest != entry->digest)
      writes.push_back({record_key(number), entry->record});
  writes.push_back({"head", head()});
  return writes;
}

Result<DesiredState::Entry> DesiredState::make_entry(Buffer record) {
  auto release = content::decode_release(record);
  if (!release.ok()) return release.status();
  auto selector = content::Selector::parse(release->selector);
  Entry entry{std::move(*release), {}, record, content::sha256(record.view())};
  if (selector.ok()) entry.selector = std::move(*selector);
  return entry;
}

Result<DesiredState> DesiredState::restore(const Restored& restored) {
  DesiredState state;
  const auto head = restored.records.find("head");
  if (head == restored.records.end()) return state;
  const std::string_view text = head->second.view();
  if (text.size() < 56 || (text.size() - 56) % 16 != 0) return {PINNATE_CORRUPT, "the record 'head' is malformed"};
  state.position_.epoch = get_u64(text);
  state.position_.revision = get_u64(text.substr(8));
  state.position_.digest = *Digest::from_bytes(text.substr(16, 32));
  state.floor_ = get_u64(text.substr(48));
  for (std::size_t at = 56; at < text.size(); at += 16)
    state.withdrawn_.emplace_back(get_u64(text.substr(at)), get_u64(text.substr(at + 8)));
  for (const auto& [key, record] : restored.group("release/")) {
    auto entry = make_entry(record);
    if (!entry.ok()) return {PINNATE_CORRUPT, "the record '" + key + "': " + entry.status().message()};
    state.size_bytes_ += entry->record.size();
    state.releases_.emplace(entry->release.number, std::make_shared<const Entry>(std::move(*entry)));
  }
  if (state.digest_at(state.position_.epoch, state.position_.revision) != state.position_.digest)
    return {PINNATE_CORRUPT, "the stored desired state does not match its digest"};
  return state;
}

std::vector<RecordWrite> DesiredState::strays(const Restored& restored, const DesiredState& state) {
  std::vector<RecordWrite> writes;
  for (const auto& [key, record] : restored.group("release/"))
    if (!state.find(std::strtoull(key.c_str() + 8, nullptr, 10))) writes.push_back({key, std::nullopt});
  if (state.position().revision == 0 && restored.records.contains("head")) writes.push_back({"head", std::nullopt});
  return writes;
}

}  // namespace pinnate::tier
