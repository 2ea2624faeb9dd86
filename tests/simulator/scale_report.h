// What a run of `scale` says: figures, and reaches that are met or fall short.
#pragma once

#include <string>

namespace pinnate::simulator {

class ScaleReport {
 public:
  // A line for people.
  void say(const char* format, ...) __attribute__((format(printf, 2, 3)));
  // `reach NAME MEASURED LIMIT ok|short`; met when measured is at most the limit.
  void reach(const std::string& name, double measured, double limit);
  // A promise of the run itself that did not hold: counts as short.
  void broken(const std::string& what);
  bool short_of_any() const { return short_; }

 private:
  bool short_ = false;
};

}  // namespace pinnate::simulator
