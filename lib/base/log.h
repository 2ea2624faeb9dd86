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
    if (!write || level < lowest) return;
    // What peers say of themselves must not look like lines of its own.
    std::string line = message;
    for (char& c : line)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    write(arg, level, line.c_str());
  }
};

}  // namespace pinnate
