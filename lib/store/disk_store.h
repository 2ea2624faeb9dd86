// A store in a folder: records kept by `Records` (RecordLog or Database), and artifact files beside
// them.
//   LOCK        held while the folder is open
//   FORMAT      whose it is: "pinnate gateway 1"
//   artifacts/  one file per artifact (artifact_files.h)
#pragma once

#include "store/artifact_files.h"
#include "store/state_folder.h"
#include "store/store.h"

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace pinnate::store {

template <typename Records>
class DiskStore : public Store {
 public:
  DiskStore(StateFolder folder, Records records, ArtifactFiles artifacts)
      : folder_(std::move(folder)), records_(std::move(records)), artifacts_(std::move(artifacts)) {}

  // `open_records` is told the folder, and whether there are no artifacts. They come after the
  // records: where there are some, records that are missing have been lost.
  template <typename OpenRecords>
  static Result<std::unique_ptr<Store>> open(const std::string& dir, const std::string& kind,
                                             OpenRecords open_records) {
    auto folder = StateFolder::open(dir, kind);
    if (!folder.ok()) return folder.status();
    const std::string path = folder->path();
    if (Status s = Records::refuse_newer(path); !s.ok()) return s;
    const auto artifacts_path = folder->make("artifacts");
    if (!artifacts_path.ok()) return artifacts_path.status();
    auto artifacts = ArtifactFiles::open(*artifacts_path);
    if (!artifacts.ok()) return artifacts.status();
    Result<Records> records = open_records(path, artifacts->empty());
    if (!records.ok()) return records.status();
    return std::unique_ptr<Store>(new DiskStore(std::move(*folder), std::move(*records), std::move(*artifacts)));
  }

  Result<Restored> restore() override {
    std::lock_guard lock(mutex_);
    Restored restored;
    auto records = records_.load(&restored.notes);
    if (!records.ok()) return records.status();
    restored.records = std::move(*records);
    restored.chunks = artifacts_.held();
    return restored;
  }
  Status commit(const std::vector<RecordWrite>& writes) override {
    std::lock_guard lock(mutex_);
    return in_place([&] { return records_.commit(writes); });
  }
  Result<Buffer> read_chunk(const Digest& artifact, std::uint32_t index) override {
    return artifacts_.read(artifact, index);
  }
  Status write_chunk(const Digest& artifact, std::uint32_t index, const Buffer& encoded) override {
    return in_place([&] { return artifacts_.write(artifact, index, encoded.view()); });
  }
  Status sync_artifact(const Digest& artifact) override {
    return in_place([&] { return artifacts_.sync(artifact); });
  }
  Status drop_artifact(const Digest& artifact) override {
    return in_place([&] { return artifacts_.drop(artifact); });
  }

 private:
  // Whatever changes the folder.
  template <typename Change>
  Status in_place(Change change) const {
    const Status placed = folder_.check();
    return placed.ok() ? change() : placed;
  }

  StateFolder folder_;  // first: unlocked last
  std::mutex mutex_;  // for records_
  Records records_;
  ArtifactFiles artifacts_;
};

}  // namespace pinnate::store
