// A store in a folder: records kept by `Records` (RecordLog or Database), and artifact files beside
// them.
#pragma once

#include "store/artifact_files.h"
#include "store/guard.h"
#include "store/state_folder.h"
#include "store/store.h"

#include <mutex>
#include <utility>
#include <vector>

namespace pinnate::store {

template <typename Records>
class DiskStore : public Store {
 public:
  DiskStore(StateFolder folder, Records records, ArtifactFiles artifacts)
      : folder_(std::move(folder)), records_(std::move(records)), artifacts_(std::move(artifacts)) {}

  Result<Restored> restore() override {
    return guarded([&]() -> Result<Restored> {
      std::lock_guard lock(mutex_);
      Restored restored;
      auto records = records_.load(&restored.notes);
      if (!records.ok()) return records.status();
      restored.records = std::move(*records);
      restored.chunks = artifacts_.held();
      return restored;
    });
  }
  Status commit(const std::vector<RecordWrite>& writes) override {
    return guarded([&] {
      std::lock_guard lock(mutex_);
      return records_.commit(writes);
    });
  }
  Result<Buffer> read_chunk(const Digest& artifact, std::uint32_t index) override {
    return guarded([&] { return artifacts_.read(artifact, index); });
  }
  Status write_chunk(const Digest& artifact, std::uint32_t index, const Buffer& encoded) override {
    return guarded([&] { return artifacts_.write(artifact, index, encoded.view()); });
  }
  Status sync_artifact(const Digest& artifact) override {
    return guarded([&] { return artifacts_.sync(artifact); });
  }
  Status drop_artifact(const Digest& artifact) override {
    return guarded([&] { return artifacts_.drop(artifact); });
  }

 private:
  StateFolder folder_;  // first: unlocked last
  std::mutex mutex_;  // for records_
  Records records_;
  ArtifactFiles artifacts_;
};

}  // namespace pinnate::store
