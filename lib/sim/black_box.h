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
  void ended_well() { last_.clear(); }
  void forgive(const Digest& artifact);

  // What is blamed for the last death, each with its deaths in a row.
  const std::vector<Restored::Death>& deaths() const { return last_; }

 private:
  struct Tally {
    Digest artifact;
    std::uint32_t in_a_row;
  };
  std::vector<Tally> tallies_;
  std::vector<Restored::Death> last_;
};

}  // namespace pinnate::sim
