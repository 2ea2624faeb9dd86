// The chunks that stores in memory hold, each once in the process: a host may run a thousand engines, and all of them keep the
// same artifact.
#pragma once

#include "base/buffer.h"
#include "base/digest.h"

#include <cstdint>
#include <memory>

namespace pinnate::store {

// What to hold for this chunk: the bytes that somebody holds for it already when they are the same, else `encoded`. They stay for
// as long as anybody keeps what is returned. Any thread.
std::shared_ptr<const Buffer> shared_chunk(const Digest& artifact, std::uint32_t index, const Buffer& encoded);

}  // namespace pinnate::store
