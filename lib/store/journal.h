// The bytes of a journal: several record writes that are to happen together. Pure functions of bytes.
//
//   u32 magic "PNJ1", u32 CRC-32 of all that follows, then for each write:
//   u32 key length, key, u32 value length or 0xffffffff where the record is removed, value
#pragma once

#include "base/status.h"
#include "content/record.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace pinnate::store {

// By key; no value: the record is removed.
using Batch = std::map<std::string, std::optional<Buffer>>;

std::string encode_journal(const Batch& batch);
// PINNATE_CORRUPT when any byte is not what was encoded.
Result<Batch> decode_journal(std::string_view bytes);

}  // namespace pinnate::store
