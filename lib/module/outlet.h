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

  // Neither throws: a module's frames may be above us.
  void log(pinnate_log_level level, const std::string& message);
  // A result for which there is no memory is told as PINNATE_NO_MEMORY.
  void report(const Done& done, Outcome outcome);

  // Stands around any other use of what the host owns; false once shut. Whatever is thrown inside, and when a module ends
  // the thread there too, it is left again, or shut() would wait for ever.
  class Inside {
   public:
    explicit Inside(Outlet& outlet) : outlet_(outlet.enter() ? &outlet : nullptr) {}
    ~Inside() {
      if (outlet_) outlet_->leave();
    }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;
    explicit operator bool() const { return outlet_ != nullptr; }

   private:
    Outlet* const outlet_;
  };

  // Returns when nobody is inside. Not from inside.
  void shut();

 private:
  bool enter();
  void leave();

  const Log log_;
  std::mutex mutex_;
  std::condition_variable empty_;
  std::size_t inside_ = 0;
  bool shut_ = false;
};

}  // namespace pinnate::module
