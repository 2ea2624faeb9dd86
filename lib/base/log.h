// The host's log hook, with a level. Copyable; a default one is silent.
#pragma once

#include <pinnate/common.h>

#include <string>

namespace pinnate {

struct Log {
  pinnate_log_fn write = nullptr;
  void* arg = nullptr;
  pinnate_log_level lowest = PINNATE_LOG_DEBUG;

  void operator()(pinnate_log_level level, const std::string& message) const {
    if (write && level >= lowest) write(arg, level, message.c_str());
  }
};

}  // namespace pinnate
