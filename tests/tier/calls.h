// Calls through the tree of a simulated fleet, for tests.
#pragma once

#include "driven.h"

namespace pinnate::sim {

// Waits for the answers to a call for long, and counts them.
inline int answers(TestFleet& f, const std::string& tier, std::uint64_t id, wire::Returned* last = nullptr,
                   std::int64_t wait_ms = kMinute) {
  f.world.advance(wait_ms);
  int n = 0;
  for (const auto& answer : f.world.at(tier).answers()) {
    const auto* returned = std::get_if<wire::Returned>(&answer);
    if (!returned || returned->id != id) continue;
    ++n;
    if (last) *last = *returned;
  }
  return n;
}

inline wire::Call call_of(const std::string& payload, std::uint32_t timeout_ms = 5000, bool idempotent = false) {
  wire::Call call;
  call.function = "f";
  call.payload = Buffer(payload);
  call.timeout_ms = timeout_ms;
  call.idempotent = idempotent;
  return call;
}

inline void slow(TestFleet& f, const Module& m, Micros takes) {
  Conduct conduct;
  conduct.takes = takes;
  f.world.modules().behave(f.artifact(m), Step::call, conduct);
}

}  // namespace pinnate::sim
