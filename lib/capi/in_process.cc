#include "capi/in_process.h"

namespace pinnate::capi {

module::Outcome InProcessCalls::call(const std::string& function, std::string_view payload,
                                     std::uint32_t timeout_ms) const {
  const std::shared_ptr<Door> door = door_;
  if (door->ended) return {{PINNATE_CLOSED, "the engine is closing or closed"}};
  return door->services->call_here(function, payload, timeout_ms);
}

}  // namespace pinnate::capi
