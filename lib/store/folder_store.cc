// A gateway's cache or an engine's state: its records are in records.log (record_log.h).
#include "store/disk_store.h"
#include "store/record_log.h"

namespace pinnate::store {

Result<std::unique_ptr<Store>> open_folder_store(const std::string& dir, const std::string& kind) {
  if (kind != "gateway" && kind != "engine")
    return {PINNATE_INVALID, "a folder store is for a 'gateway' or an 'engine', not for '" + kind + "'"};
  // A cache can be filled again; an engine must not go back behind what it was told last.
  return DiskStore<RecordLog>::open(dir, kind, [&](const std::string& folder, bool fresh) {
    return RecordLog::open(folder, fresh, kind == "gateway");
  });
}

}  // namespace pinnate::store
