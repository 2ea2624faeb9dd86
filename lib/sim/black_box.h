// What an engine's host remembers of the modules that it died in, as the notes of a real engine would have it.
#pragma once

#include "base/digest.h"
#include "content/record.h"

#include <cstdint>
#include <vector>

namespace pinnate::sim {

class BlackBox {
 public:
  // The process died with these services inside something, or in their first minute: those inside are blamed, and only
  // when there are none, the others. One blame per artifact.
  void died(const std::vector<Restored::Death>& inside, const std::vector<Restored::Death>& young);
  void forgive(const Digest& artifact);

  // What was blamed and not forgiven since, each with its deaths in a row.
  const std::vector<Restored::Death>& deaths() const { return tallies_; }

 private:
  std::vector<Restored::Death> tallies_;
};

}  // namespace pinnate::sim
