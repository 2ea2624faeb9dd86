// What happens in a world, told to whoever observes it.
#pragma once

#include "base/status.h"
#include "sim/event_queue.h"

#include <cstdint>
#include <functional>
#include <string_view>

namespace pinnate::sim {

using MachineId = std::uint32_t;  // place in the world, from 0
inline constexpr MachineId kNoMachine = 0xffffffff;

enum class What : std::uint8_t {
  started,  // a tier began a life; number: which
  ended,  // a tier ended, by a crash or well; words: how
  link_opened,  // number: link
  link_closed,  // number: link; words: why
  received,  // number: link; bytes: the message
  sent,  // number: link; bytes: the message
  drained,  // number: link; amount: bulk bytes
  woke,
  completed,  // number: token; code
  activated,  // words: function; number: service
  deactivated,  // words: function
  invoked,  // words: function; bytes: the payload
  fault,  // words: what was done to the world
};

struct Occurrence {
  Micros at = 0;
  MachineId host = kNoMachine;
  What what = What::fault;
  std::uint64_t number = 0;
  Code code = PINNATE_OK;
  std::string_view words;
  std::string_view bytes;
  std::uint64_t amount = 0;
};

// Must not change the world from inside.
using Observer = std::function<void(const Occurrence&)>;

}  // namespace pinnate::sim
