// What records may be called, and how large they may be.
#pragma once

#include "base/status.h"
#include "content/record.h"

#include <cstddef>
#include <string_view>
#include <vector>

namespace pinnate::store {

inline constexpr std::size_t kRecordKeyBytes = 200;
inline constexpr std::size_t kRecordLimitBytes =
    64 * 1024 * 1024;  // of all records that are written together, with 8 bytes for each

bool is_record_key(std::string_view key);
// PINNATE_INVALID for a key, PINNATE_TOO_LARGE.
Status check_writes(const std::vector<RecordWrite>& writes);

}  // namespace pinnate::store
