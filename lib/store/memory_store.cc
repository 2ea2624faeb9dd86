#include "store/artifact_files.h"
#include "store/record_key.h"
#include "store/store.h"

namespace pinnate::store {
namespace {

// The chunks that stores in memory hold, each once in the process: a thousand engines of one host
// may keep the same artifact.
struct Held {
  std::mutex mutex;
  std::map<std::pair<Digest, std::uint32_t>, std::weak_ptr<const Buffer>> chunks;
  std::size_t sweep_at = 64;
};
Held& held = *new Held;  // never destroyed: stores may outlive static objects

// What to hold for this chunk: the bytes that somebody holds for it already when they are the same,
// else `encoded`. They stay for as long as anybody keeps what is returned.
std::shared_ptr<const Buffer> shared_chunk(const Digest& artifact, std::uint32_t index, const Buffer& encoded) {
  std::unique_lock lock(held.mutex);
  if (held.chunks.size() >= held.sweep_at) {  // of those that nobody holds any longer
    std::erase_if(held.chunks, [](const auto& entry) { return entry.second.expired(); });
    held.sweep_at = 2 * held.chunks.size() + 64;
  }
  auto& place = held.chunks[{artifact, index}];
  auto known = place.lock();
  if (!known) {
    auto own = std::make_shared<const Buffer>(encoded);
    place = own;
    return own;
  }
  lock.unlock();
  return *known == encoded ? known : std::make_shared<const Buffer>(encoded);  // another encoding of the same bytes
}

class MemoryStore : public Store {
 public:
  Result<Restored> restore() override {
    std::lock_guard lock(mutex_);
    Restored restored;
    for (const auto& [artifact, chunks] : artifacts_)
      for (const auto& [index, encoded] : chunks)
        restored.chunks[artifact].emplace(index, static_cast<std::uint32_t>(encoded->size()));
    return restored;
  }

  Status commit(const std::vector<RecordWrite>& writes) override {
    return check_writes(writes);
  }

  Result<Buffer> read_chunk(const Digest& artifact, std::uint32_t index) override {
    std::lock_guard lock(mutex_);
    const auto chunks = artifacts_.find(artifact);
    if (chunks != artifacts_.end())
      if (const auto chunk = chunks->second.find(index); chunk != chunks->second.end()) return *chunk->second;
    return {PINNATE_NOT_FOUND, named(artifact, index) + " is not held"};
  }

  Status write_chunk(const Digest& artifact, std::uint32_t index, const Buffer& encoded) override {
    if (Status s = check_chunk(artifact, index, encoded.view()); !s.ok()) return s;
    std::lock_guard lock(mutex_);
    artifacts_[artifact].insert_or_assign(index, shared_chunk(artifact, index, encoded));
    return {};
  }

  Status sync_artifact(const Digest& artifact) override {
    std::lock_guard lock(mutex_);
    if (artifacts_.contains(artifact)) return {};
    return {PINNATE_NOT_FOUND, "artifact " + artifact.hex() + " is not held"};
  }

  Status drop_artifact(const Digest& artifact) override {
    std::lock_guard lock(mutex_);
    artifacts_.erase(artifact);
    return {};
  }

 private:
  std::mutex mutex_;
  std::map<Digest, std::map<std::uint32_t, std::shared_ptr<const Buffer>>> artifacts_;
};

}  // namespace

std::unique_ptr<Store> make_memory_store() { return std::make_unique<MemoryStore>(); }

}  // namespace pinnate::store
