// Log lines and results, on their way to whoever opened the service host. Once shut, nothing comes
// out any more: threads that a module held may come back at any later time without touching what
// the host has freed.
#pragma once

#include "base/log.h"
#include "module/lasting/outcome.h"

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <string>

namespace pinnate::module {

class HostCallbacks {
 public:
  explicit HostCallbacks(Log log) : log_(log) {}

  // Neither throws: a module's frames may be above us.
  void log(pinnate_log_level level, const std::string& message);
  void report(const Done& done, Outcome outcome);

  // Stands around any other use of what the host owns; false once shut. It is left again however
  // its scope is left, or shut() would wait for ever.
  class Inside {
   public:
    explicit Inside(HostCallbacks& callbacks);
    ~Inside();
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;
    explicit operator bool() const { return callbacks_ != nullptr; }

   private:
    HostCallbacks* callbacks_ = nullptr;
  };

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
