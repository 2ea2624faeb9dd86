#include "tier/child_records.h"

#include "base/check.h"

#include <algorithm>
#include <cstdlib>

namespace pinnate::tier {
namespace {

constexpr std::size_t kStoredRowBytes = 1024 * 1024;  // of names in one record, which is read back as a message
constexpr std::size_t kBatchBytes = 4 * 1024 * 1024;  // of records written together, the last child's apart

}  // namespace

std::vector<std::unique_ptr<Child>> ChildRecords::restore(const Restored& restored) {
  std::size_t unread = 0;
  std::string first;
  const auto read = [&]<class M>(const std::string& key, M* into) {
    const auto found = restored.records.find(key);
    if (found == restored.records.end()) return false;
    auto message = wire::decode_as<M>(found->second);
    if (message.ok()) {
      *into = std::move(*message);
      return true;
    }
    if (unread++ == 0) first = "'" + key + "': " + message.status().message();
    changed(key.substr(key.find('/') + 1));  // written anew, or removed
    return false;
  };
  const auto number = [&](const std::string& key) -> std::uint64_t {
    const auto found = restored.records.find(key);
    return found == restored.records.end() ? 0 : std::strtoull(found->second.str().c_str(), nullptr, 10);
  };
  forgotten_ = number("forgotten");
  std::vector<std::unique_ptr<Child>> children;
  for (const auto& [key, record] : restored.group("known/")) {
    const std::string id = key.substr(6);
    auto child = std::make_unique<Child>();
    if (!read(key, &child->hello)) continue;
    child->hello.id = id;
    if (child->engine()) {
      if (read("status/" + id, &child->status)) child->hello.position = child->status.position;
    } else {
      child->rollup = std::make_unique<wire::Rollup>();
      if (read("status/" + id, child->rollup.get())) child->hello.position = child->rollup->position;
      lose(child->rollup.get());
      std::sort(child->rollup->rows.begin(), child->rollup->rows.end(), ByRelease());
      for (const auto& row : child->rollup->rows) child->rollup_bytes += bytes_of(row);
    }
    child->offline_since_ms = static_cast<std::int64_t>(number("offline/" + id));
    children.push_back(std::move(child));
  }
  if (unread > 0)
    core_->log(PINNATE_LOG_WARNING,
               std::to_string(unread) + " records of tiers below cannot be read, the first is " + first +
                   "; such a tier is known again, with what it says, when it comes back, and its records are replaced");
  return children;
}

void ChildRecords::removed(const std::string& id, std::uint64_t forgotten) {
  unsaved_[id] += forgotten;
  unsaved_forgotten_ += forgotten;
  forgotten_ += forgotten;
}

void ChildRecords::write(const std::string& id, std::vector<RecordWrite>* writes) const {
  std::optional<Buffer> known, status, offline;
  // One that is ephemeral is not worth a record: after a restart of this tier it joins, or is gone.
  if (const auto found = children_->find(id); found != children_->end() && !found->second->hello.ephemeral) {
    const Child& child = *found->second;
    if (child.link == 0 && child.offline_since_ms != 0) offline = Buffer(std::to_string(child.offline_since_ms));
    known = wire::encode(child.hello);
    if (child.engine()) {
      status = wire::encode(child.status);
    } else {
      wire::Rollup rollup = *child.rollup;
      lose(&rollup);
      std::size_t bytes = 0, rows = 0;
      while (rows < std::min(rollup.rows.size(), kReleaseLimit) && bytes <= kStoredRowBytes)
        bytes += bytes_of(rollup.rows[rows++]);
      rollup.rows.resize(rows);
      status = wire::encode(rollup);
    }
  }
  writes->push_back({"offline/" + id, std::move(offline)});
  writes->push_back({"known/" + id, std::move(known)});
  writes->push_back({"status/" + id, std::move(status)});
}

void ChildRecords::begin_save() {
  for (const auto& [id, forgotten] : unsaved_) due_[id] += forgotten;
  unsaved_.clear();
}

ChildRecords::Changes ChildRecords::take_changes() {
  Changes changes;
  std::size_t bytes = 0, sized = 0;
  while (!due_.empty() && bytes < kBatchBytes) {
    auto next = due_.extract(due_.begin());
    write(next.key(), &changes.writes);
    unsaved_forgotten_ -= next.mapped();
    changes.children.insert(std::move(next));
    for (; sized < changes.writes.size(); sized++) {
      const RecordWrite& write = changes.writes[sized];
      bytes += write.key.size() + (write.value ? write.value->size() : 0);
    }
  }
  if (!changes.writes.empty() &&
      PINNATE_CHECK(unsaved_forgotten_ <= forgotten_, "more are forgotten on disk than were known"))
    changes.writes.push_back({"forgotten", Buffer(std::to_string(forgotten_ - unsaved_forgotten_))});
  return changes;
}

void ChildRecords::changes_failed(const Changes& changes) {
  for (const auto& [id, forgotten] : changes.children) {
    unsaved_[id] += forgotten;
    unsaved_forgotten_ += forgotten;
  }
}

}  // namespace pinnate::tier
