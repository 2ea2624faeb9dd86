#include "store/artifact_files.h"
#include "store/guard.h"
#include "store/record_key.h"
#include "store/shared_chunks.h"
#include "store/store.h"

#include <mutex>

namespace pinnate::store {
namespace {

class MemoryStore : public Store {
 public:
  Result<Restored> restore() override {
    return guarded([&]() -> Result<Restored> {
      std::lock_guard lock(mutex_);
      Restored restored;
      restored.records = records_;
      for (const auto& [artifact, chunks] : artifacts_)
        for (const auto& [index, encoded] : chunks)
          restored.chunks[artifact].emplace(index, static_cast<std::uint32_t>(encoded->size()));
      return restored;
    });
  }

  Status commit(const std::vector<RecordWrite>& writes) override {
    return guarded([&]() -> Status {
      if (Status s = check_writes(writes); !s.ok()) return s;
      // All that allocates comes first, so that running out of memory leaves everything as it was.
      std::map<std::string, Buffer> staged;
      for (const RecordWrite& write : writes) {
        if (write.value)
          staged.insert_or_assign(write.key, *write.value);
        else
          staged.erase(write.key);
      }
      std::lock_guard lock(mutex_);
      for (const RecordWrite& write : writes) records_.erase(write.key);
      records_.merge(staged);
      return {};
    });
  }

  Result<Buffer> read_chunk(const Digest& artifact, std::uint32_t index) override {
    return guarded([&]() -> Result<Buffer> {
      std::lock_guard lock(mutex_);
      const auto chunks = artifacts_.find(artifact);
      if (chunks != artifacts_.end())
        if (const auto chunk = chunks->second.find(index); chunk != chunks->second.end()) return *chunk->second;
      return {PINNATE_NOT_FOUND, "chunk " + std::to_string(index) + " of artifact " + artifact.hex() + " is not held"};
    });
  }

  Status write_chunk(const Digest& artifact, std::uint32_t index, const Buffer& encoded) override {
    return guarded([&]() -> Status {
      if (index >= kMostChunks || encoded.empty() || encoded.size() > kMostPayloadBytes)
        return {PINNATE_INVALID, "chunk " + std::to_string(index) + " of artifact " + artifact.hex() +
                                     " is none: " + std::to_string(encoded.size()) + " bytes"};
      std::lock_guard lock(mutex_);
      artifacts_[artifact].insert_or_assign(index, shared_chunk(artifact, index, encoded));
      return {};
    });
  }

  Status sync_artifact(const Digest& artifact) override {
    return guarded([&]() -> Status {
      std::lock_guard lock(mutex_);
      if (artifacts_.contains(artifact)) return {};
      return {PINNATE_NOT_FOUND, "artifact " + artifact.hex() + " is not held"};
    });
  }

  Status drop_artifact(const Digest& artifact) override {
    std::lock_guard lock(mutex_);
    artifacts_.erase(artifact);
    return {};
  }

 private:
  std::mutex mutex_;
  std::map<std::string, Buffer> records_;
  std::map<Digest, std::map<std::uint32_t, std::shared_ptr<const Buffer>>> artifacts_;
};

}  // namespace

std::unique_ptr<Store> make_memory_store() { return std::make_unique<MemoryStore>(); }

}  // namespace pinnate::store
