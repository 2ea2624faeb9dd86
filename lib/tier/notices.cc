#include "tier/notices.h"

#include <algorithm>
#include <iterator>

namespace pinnate::tier {
namespace {

constexpr std::size_t kMost = 32;
// Kinds of keys (what stands before a '/'), the most important first; others come behind them.
constexpr const char* kKinds[] = {"state", "wedged", "died",    "disk",  "desired", "source", "restored-copy", "twice",
                                  "cache", "chunks", "destroy", "drain", "corrupt", "labels",        "module"};

std::size_t rank_of(const std::string& key) {
  const std::string kind = key.substr(0, key.find('/'));
  return static_cast<std::size_t>(std::find(std::begin(kKinds), std::end(kKinds), kind) - std::begin(kKinds));
}

}  // namespace

void Notices::say(const std::string& key, std::string text, std::int64_t for_ms) {
  const auto [it, fresh] = notices_.try_emplace({rank_of(key), key});
  it->second.over.cancel();
  if (text.empty()) {
    notices_.erase(it);
    if (!fresh) changed_();
    return;
  }
  text = cut_reason(std::move(text));
  Notice& notice = it->second;
  if (for_ms != kNever) notice.over = core_->alarm_in(for_ms, [this, key] { say(key, ""); });
  if (notice.text == text) return;
  core_->log(PINNATE_LOG_WARNING, text);
  notice.text = std::move(text);
  notice.number = ++said_;
  if (notices_.size() > kMost) drop_one();
  changed_();
}

void Notices::drop_one() {
  auto dropped = std::prev(notices_.end());
  for (auto it = dropped; it->first.first == dropped->first.first; --it) {
    if (it->second.number < dropped->second.number) dropped = it;
    if (it == notices_.begin()) break;
  }
  notices_.erase(dropped);
}

std::vector<std::string> Notices::all() const {
  std::vector<std::string> all;
  for (const auto& [place, notice] : notices_) all.push_back(notice.text);
  return all;
}

std::string Notices::first() const {
  if (notices_.empty()) return {};
  const std::size_t more = notices_.size() - 1;
  const std::string others = more == 0 ? "" : " (and " + std::to_string(more) + " more)";
  return cut_reason(notices_.begin()->second.text, kReasonBytes - others.size()) + others;
}

}  // namespace pinnate::tier
