// A gateway's cache or an engine's state: its records are in records.log (record_log.h).
#include "store/disk_store.h"
#include "store/record_log.h"

namespace pinnate::store {

Result<std::unique_ptr<Store>> open_folder_store(const std::string& dir, const std::string& kind) {
  if (kind != "gateway" && kind != "engine")
    return {PINNATE_INVALID, "a folder store is for a 'gateway' or an 'engine', not for '" + kind + "'"};
  // A cache can be filled again; what an engine was told last cannot, and it must not go back behind that.
  return DiskStore<RecordLog>::open(dir, kind, [&](const std::string& folder, bool fresh) {
    return RecordLog::open(folder, fresh, kind == "gateway");
  });
}

}  // namespace pinnate::store
