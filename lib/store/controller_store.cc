// The controller's state in a folder:
//   LOCK, FORMAT  as for a folder store
//   state.db      the records (database.h); state.db-wal is a part of it
//   artifacts/    one file per artifact (artifact_files.h)
#include "store/database.h"
#include "store/disk_store.h"

namespace pinnate::store {

Result<std::unique_ptr<Store>> open_controller_store(const std::string& dir) {
  return guarded([&]() -> Result<std::unique_ptr<Store>> {
    auto folder = StateFolder::open(dir, "controller");
    if (!folder.ok()) return folder.status();
    const std::string path = folder->path() + "/state.db";
    if (Status s = Database::refuse_newer(path); !s.ok()) return s;
    auto artifacts_path = folder->make("artifacts");
    if (!artifacts_path.ok()) return artifacts_path.status();
    auto artifacts = ArtifactFiles::open(*artifacts_path);
    if (!artifacts.ok()) return artifacts.status();
    // Artifacts come after the database: where there are some, a database that is missing has been lost.
    auto database = Database::open(path, artifacts->empty());
    if (!database.ok()) return database.status();
    std::unique_ptr<Store> store =
        std::make_unique<DiskStore<Database>>(std::move(*folder), std::move(*database), std::move(*artifacts));
    return store;
  });
}

}  // namespace pinnate::store
