// Who a tier is: an id that stays with its folder, and what differs in every life.
#pragma once

#include "base/status.h"

#include <cstdint>
#include <string>

namespace pinnate::capi {

// From the operating system.
Result<std::uint64_t> random_number();

// "engine-" and 12 random hex digits.
Result<std::string> random_tier_id(const std::string& role);
Result<std::string> random_instance();  // of an engine

// Never 0, and larger than in all lives that began on an earlier millisecond.
Result<std::uint64_t> new_incarnation();

// The id of the tier whose folder is `dir`, kept there in the file `tier-id`, synced. A `given` id
// replaces the kept one; without either ("") `fresh` is kept. The caller holds the folder's lock.
// PINNATE_CORRUPT when the file holds no id.
Result<std::string> keep_tier_id(const std::string& dir, const std::string& given, const std::string& fresh);

}  // namespace pinnate::capi
