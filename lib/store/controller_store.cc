// The controller's state: its records are in state.db (database.h), and in state.db-wal beside it.
#include "store/database.h"
#include "store/disk_store.h"

namespace pinnate::store {

Result<std::unique_ptr<Store>> open_controller_store(const std::string& dir) {
  return DiskStore<Database>::open(dir, "controller", &Database::open);
}

}  // namespace pinnate::store
