// Runs at the end of a scope, also of one that is left because a module ends the thread under us (pthread_exit).
#pragma once

#include <utility>

namespace pinnate::module {

template <typename Run>
class AtEnd {
 public:
  explicit AtEnd(Run run) : run_(std::move(run)) {}
  ~AtEnd() { run_(); }
  AtEnd(const AtEnd&) = delete;
  AtEnd& operator=(const AtEnd&) = delete;

 private:
  Run run_;
};

}  // namespace pinnate::module
