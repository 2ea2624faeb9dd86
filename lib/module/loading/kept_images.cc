#include "module/loading/kept_images.h"

#include "base/fork.h"
#include "module/loading/footprint.h"
#include "module/loading/native_module.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

namespace pinnate::module {
namespace {

constexpr std::size_t kNamesShown = 120;

std::string mebibytes(std::uint64_t bytes) { return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB"; }

}  // namespace

KeptImages& KeptImages::of_process() { return one_per_process<KeptImages>(); }

bool KeptImages::counts_for(const Entry& entry, const Owner& owner) {
  const auto holder = entry.owner.lock();
  return !holder || holder == owner;
}

void KeptImages::keep(std::unique_ptr<NativeModule> module, const Owner& owner, std::string why, Until until) {
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_.emplace_back();
  entry.shown = {module->function(), module->version(), module->object().bytes(), 0, std::move(why)};
  entry.object = module->object();
  entry.before = module->threads_before();
  entry.artifact = module->artifact();
  entry.until = until;
  entry.owner = owner;
  entry.module = std::move(module);
}

void KeptImages::closed(const std::string& function, const std::string& version, const LinkedObject& object, int fd,
                        const Owner& owner) {
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_.emplace_back();
  entry.shown = {function, version, object.bytes(), 0,
                 "thread_local objects of threads that live, or another module, use it"};
  entry.object = object;
  entry.fd = fd;
  entry.owner = owner;
}

void KeptImages::came_along(const std::string& function, const std::string& version, const LinkedObject& object,
                            const std::set<pid_t>& before, const Owner& owner) {
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_.emplace_back();
  const std::string name = object.path.substr(object.path.rfind('/') + 1);
  entry.shown = {function, version, object.bytes(), 0, name + ", which came with it"};
  entry.library = true;
  entry.object = object;
  entry.before = before;
  entry.owner = owner;
}

std::unique_ptr<NativeModule> KeptImages::take(const Digest& artifact) {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return entry.module && entry.until == Until::served_again && entry.artifact == artifact && !artifact.is_zero();
  });
  if (found == entries_.end()) return nullptr;
  auto module = std::move(found->module);
  entries_.erase(found);
  return module;
}

std::list<std::unique_ptr<NativeModule>> KeptImages::take_left() {
  const std::lock_guard lock(mutex_);
  std::vector<std::list<Entry>::iterator> waiting;
  std::vector<Suspect> suspects;
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    if (entry->until != Until::threads_left) continue;
    waiting.push_back(entry);
    suspects.push_back({&entry->object, &entry->before});
  }
  std::list<std::unique_ptr<NativeModule>> left;
  if (waiting.empty()) return left;
  const std::vector<std::uint32_t> threads = threads_inside(suspects, false);
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    waiting[i]->before.merge(suspects[i].outside);  // nobody comes in anew: its service is gone
    if (threads[i] > 0 || !pointed_at_by(waiting[i]->object).empty()) continue;
    left.push_back(std::move(waiting[i]->module));
    entries_.erase(waiting[i]);
  }
  return left;
}

Status KeptImages::room_for(const std::string& function, std::uint64_t bytes, bool will_stay, const Owner& owner) {
  const std::lock_guard lock(mutex_);
  drop_unmapped();
  std::uint64_t images = 0, sum = 0;
  bool has_stayed = false;
  std::string own, others;
  for (const Entry& entry : entries_) {
    if (entry.library || !counts_for(entry, owner)) continue;
    ++images;
    sum += entry.shown.bytes;
    const bool its = entry.shown.function == function;
    has_stayed = has_stayed || its;
    // Those of this function first, since they are what its author may mend.
    std::string& names = its ? own : others;
    if (names.size() < kNamesShown) names += ", " + entry.shown.function + " " + entry.shown.version;
  }
  const std::string names = own + others;
  if (!will_stay && !has_stayed) return {};
  if (images < owner->images && sum + bytes <= owner->bytes) return {};
  return {PINNATE_REFUSED, "not loaded: " + std::to_string(images) +
                               " modules that could not be unmapped are in memory (" +
                               (names.empty() ? "" : names.substr(2, kNamesShown)) + "), " + mebibytes(sum) +
                               " in all, where " + std::to_string(owner->images) + " of " + mebibytes(owner->bytes) +
                               " may be; a restart of the engine frees them"};
}

bool KeptImages::other_is_registered(const std::string& function, const Digest& artifact) {
  const std::lock_guard lock(mutex_);
  const auto first = registered_.find(function);
  return first != registered_.end() && first->second != artifact;
}

void KeptImages::registered(const std::string& function, const Digest& artifact) {
  const std::lock_guard lock(mutex_);
  registered_.emplace(function, artifact);
}

// What was closed may go later, as when a thread ends.
void KeptImages::drop_unmapped() {
  const auto gone = [](Entry& entry) {
    if (entry.fd < 0 || is_linked(entry.object)) return false;
    close(entry.fd);
    return true;
  };
  entries_.remove_if(gone);
}

std::vector<wire::KeptImage> KeptImages::list(const Owner& owner) {
  const std::lock_guard lock(mutex_);
  drop_unmapped();
  std::vector<wire::KeptImage> all;
  std::vector<Suspect> suspects;
  for (const Entry& entry : entries_) {
    if (!counts_for(entry, owner)) continue;
    all.push_back(entry.shown);
    suspects.push_back({&entry.object, &entry.before});
  }
  if (all.empty()) return all;
  const std::vector<std::uint32_t> threads = threads_inside(suspects, false);
  for (std::size_t i = 0; i < all.size(); ++i) all[i].threads = threads[i];
  return all;
}

}  // namespace pinnate::module
