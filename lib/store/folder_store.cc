// A gateway's cache or an engine's state in a folder:
//   LOCK       held while the folder is open
//   FORMAT     whose it is: "pinnate gateway 1"
//   records/   one file per record; journal, while several are being written (record_files.h)
//   artifacts/ one file per artifact (artifact_files.h)
#include "store/disk_store.h"
#include "store/record_files.h"

namespace pinnate::store {

Result<std::unique_ptr<Store>> open_folder_store(const std::string& dir, const std::string& kind) {
  return guarded([&]() -> Result<std::unique_ptr<Store>> {
    if (kind != "gateway" && kind != "engine")
      return {PINNATE_INVALID, "a folder store is for a 'gateway' or an 'engine', not for '" + kind + "'"};
    auto folder = StateFolder::open(dir, kind);
    if (!folder.ok()) return folder.status();
    auto records_path = folder->make("records"), artifacts_path = folder->make("artifacts");
    if (!records_path.ok()) return records_path.status();
    if (!artifacts_path.ok()) return artifacts_path.status();
    // A cache can be filled again, and so can manifests, which go by their digests; what an engine was told last cannot, and it must not
    // go back behind that.
    auto records = RecordFiles::open(folder->path(), *records_path, kind == "gateway" ? "" : "manifest/");
    if (!records.ok()) return records.status();
    auto artifacts = ArtifactFiles::open(*artifacts_path);
    if (!artifacts.ok()) return artifacts.status();
    std::unique_ptr<Store> store =
        std::make_unique<DiskStore<RecordFiles>>(std::move(*folder), std::move(*records), std::move(*artifacts));
    return store;
  });
}

}  // namespace pinnate::store
