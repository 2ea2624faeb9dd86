// A gateway's cache or an engine's state in a folder:
//   LOCK        held while the folder is open
//   FORMAT      whose it is: "pinnate gateway 1"
//   records.log what was committed (record_log.h)
//   artifacts/  one file per artifact (artifact_files.h)
#include "store/disk_store.h"
#include "store/record_log.h"

namespace pinnate::store {

Result<std::unique_ptr<Store>> open_folder_store(const std::string& dir, const std::string& kind) {
  return guarded([&]() -> Result<std::unique_ptr<Store>> {
    if (kind != "gateway" && kind != "engine")
      return {PINNATE_INVALID, "a folder store is for a 'gateway' or an 'engine', not for '" + kind + "'"};
    auto folder = StateFolder::open(dir, kind);
    if (!folder.ok()) return folder.status();
    if (Status s = RecordLog::refuse_newer(folder->path()); !s.ok()) return s;
    auto artifacts_path = folder->make("artifacts");
    if (!artifacts_path.ok()) return artifacts_path.status();
    auto artifacts = ArtifactFiles::open(*artifacts_path);
    if (!artifacts.ok()) return artifacts.status();
    // A cache can be filled again; what an engine was told last cannot, and it must not go back behind
    // that. Artifacts come after the log: where there are some, one that is missing has been lost.
    auto records = RecordLog::open(folder->path(), artifacts->empty(), kind == "gateway");
    if (!records.ok()) return records.status();
    std::unique_ptr<Store> store =
        std::make_unique<DiskStore<RecordLog>>(std::move(*folder), std::move(*records), std::move(*artifacts));
    return store;
  });
}

}  // namespace pinnate::store
