// The host's log hook, with a level that all copies share. A default one is silent.
#pragma once

#include <pinnate/common.h>

#include <atomic>
#include <memory>
#include <string>

namespace pinnate {

struct Log {
  pinnate_log_fn write = nullptr;
  void* arg = nullptr;
  std::shared_ptr<std::atomic<pinnate_log_level>> lowest;  // null: all

  bool takes(pinnate_log_level level) const { return write && (!lowest || level >= lowest->load()); }
  void operator()(pinnate_log_level level, const std::string& message) const {
    if (!takes(level)) return;
    // What peers say of themselves must not look like lines of its own.
    std::string line = message;
    for (char& c : line)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    write(arg, level, line.c_str());
  }
};

}  // namespace pinnate
