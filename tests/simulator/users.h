// The users of a simulated fleet: they publish, withdraw and call, and remember what they asked
// for.
#pragma once

#include "base/random.h"
#include "simulator/check.h"
#include "simulator/plan.h"

#include <string>
#include <vector>

namespace pinnate::simulator {

inline constexpr std::uint32_t kFunctions = 3;
// Its services may not live beside each other: every other release says so, else its module.
inline constexpr std::uint32_t kOneAtATime = 1;
std::string function_name(std::uint32_t number);

class Users {
 public:
  explicit Users(Situation& situation) : s_(situation) {}

  // Carries out a step of theirs. False: there was nothing to do it with.
  bool act(const Step& step);
  // The module of a function and a version; the same bytes whenever it is asked for.
  sim::Module module(std::uint32_t function, std::uint32_t version) const;

 private:
  bool publish(std::uint64_t draw, std::uint32_t function, std::uint32_t version, const std::string& selector);
  bool unpublish(const Step& step);
  bool call(Random& random);
  bool flood(Random& random);
  void order_call(const Member& caller, Order order, std::uint32_t timeout_ms, std::size_t least_bytes = 0);

  Situation& s_;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> published_;  // function, version
  std::uint32_t next_version_ = 0, calls_ = 0;
};

}  // namespace pinnate::simulator
