// What goes wrong with a simulated fleet, one act at a time, and how all of it ends.
#pragma once

#include "base/random.h"
#include "simulator/check.h"
#include "simulator/plan.h"

#include <string>
#include <vector>

namespace pinnate::simulator {

class Mischief {
 public:
  explicit Mischief(Situation& situation) : s_(situation) {}

  // Carries out a fault or a relief. False: there was nothing to do it to.
  bool act(const Step& step);
  // The same, of where members are named.
  bool source(Act act, std::uint64_t draw);
  // Faults stop: everything is up, whole, has room, and goes at full speed; modules end no process
  // any more.
  void stop();

 private:
  const Member& any_tier(Random& random) const;
  const Member* any_engine(Random& random) const;
  bool between(Act act, Random& random);
  bool end_life(Act act, Random& random);
  bool disk(Act act, Random& random);
  bool cache(Act act, Random& random);
  bool engine(Act act, Random& random);
  bool module(Act act, Random& random);
  bool backup(Random& random);
  bool relief(Random& random);
  void whole_network();

  struct Copy {
    sim::DiskImage image;
  };
  Situation& s_;
  std::vector<Copy> copies_;
  std::vector<std::string> addresses_;  // that are another fleet's now
  std::uint32_t strangers_ = 0;
};

}  // namespace pinnate::simulator
