#include "store/record_key.h"

namespace pinnate::store {

bool is_record_key(std::string_view key) {
  if (key.empty() || key.size() > kRecordKeyBytes) return false;
  for (char c : key) {
    const bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!alphanumeric && c != '.' && c != '_' && c != '/' && c != '-') return false;
  }
  return true;
}

Status check_writes(const std::vector<RecordWrite>& writes) {
  std::size_t total = 0;
  for (const RecordWrite& write : writes) {
    if (!is_record_key(write.key))
      return {PINNATE_INVALID, "record key '" + write.key + "' is not 1 to 200 letters, digits and any of '._/-'"};
    const std::size_t bytes = 8 + write.key.size() + (write.value ? write.value->size() : 0);
    if (bytes > kRecordLimitBytes - total)
      return {PINNATE_TOO_LARGE,
              "record '" + write.key + "': more than " + std::to_string(kRecordLimitBytes) + " bytes in one write"};
    total += bytes;
  }
  return {};
}

}  // namespace pinnate::store
