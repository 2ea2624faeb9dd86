// Calls whose times are taken, by the caller's process.
#pragma once

#include <pinnate/client.h>
#include <pinnate/engine.h>

#include <cstddef>
#include <string>

namespace bench {

struct CallLoad {
  std::string function;
  std::size_t payload_bytes = 0;
  std::size_t outstanding = 1;
  std::size_t calls = 0;
  std::size_t warm_up = 0;  // calls before those that are measured
};

struct CallTimes {
  double seconds = 0, p50_us = 0, p99_us = 0;  // seconds: of all measured calls together
  std::size_t failed = 0;
  std::string first_failure;
};

// Over a link: `outstanding` calls under way at any time, each answer bringing the next one.
CallTimes measure_calls(pinnate_client* client, const CallLoad& load);
// In process: `outstanding` threads, each calling again and again. The times include two looks at
// the clock.
CallTimes measure_calls(pinnate_engine* engine, const CallLoad& load);
// The same around a function pointer that copies the payload: what remains when the engine is taken
// away.
CallTimes measure_function_pointer(const CallLoad& load);

}  // namespace bench
