// The way out to whoever opened the service host: log lines and results. Once shut, nothing comes out any more, so threads
// that a module left hanging can come back at any later time without touching what the host has freed.
#pragma once

#include "base/log.h"
#include "module/service_host.h"

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <string>

namespace pinnate::module {

class Outlet {
 public:
  explicit Outlet(Log log) : log_(log) {}

  void log(pinnate_log_level level, const std::string& message);
  void report(const Done& done, Outcome outcome);

  // Around any other use of what the host owns: false once shut, else pair it with leave().
  bool enter();
  void leave();

  // Returns when nobody is inside. Not from inside.
  void shut();

 private:
  const Log log_;
  std::mutex mutex_;
  std::condition_variable empty_;
  std::size_t inside_ = 0;
  bool shut_ = false;
};

}  // namespace pinnate::module
