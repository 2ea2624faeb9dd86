// What an order or a call came to.
#pragma once

#include "base/buffer.h"
#include "base/status.h"
#include "wire/message.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace pinnate::module {

using ServiceId = std::uint64_t;  // chosen by the caller, never used twice

struct Outcome {
  Outcome(Status status = {}, Buffer bytes = {}) : status(std::move(status)), bytes(std::move(bytes)) {}

  Status status;
  Buffer bytes;  // a call's result
  // Of a load: chunks that were PINNATE_CORRUPT, PINNATE_NOT_FOUND or PINNATE_IO.
  std::vector<std::uint32_t> bad_chunks;
  // What a module did that people should know of, in words.
  std::vector<std::string> notices;
  // Of orders about native modules: what stays in memory, as it is now. Null: not looked at.
  std::shared_ptr<const std::vector<wire::KeptImage>> kept;
  bool one_at_a_time = false;  // of a load: PINNATE_ONE_AT_A_TIME
};
using Done = std::function<void(Outcome)>;

}  // namespace pinnate::module
