// One run: a fleet is built, its plan is carried out with all promises under watch, then faults
// stop and the fleet must come to rest.
#pragma once

#include "sim/event_queue.h"
#include "simulator/plan.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace pinnate::simulator {

// Faults have stopped; so much virtual time later promises 1 and 5 must hold. It covers the longest
// quarantine that a run can earn (four deaths: 8 minutes), the longest backoff (5 minutes) and
// three silent heartbeats each for two links in a row.
std::int64_t rest_bound_ms(const Plan& plan);

struct Violation {
  int promise = 0;  // 0: the contract between a tier and whoever drives it
  std::string what;
  std::size_t step = 0;  // of the plan; its size: after faults had stopped
  sim::Micros at = 0;
};

struct RunResult {
  std::optional<Violation> violation;  // the first
  std::vector<std::string> last_events;  // before it, if they were asked for
  ActCounts counts{};  // what was really done
  ActCounts came{};  // how often what was set up came to pass; as `counts` for what happens at once
  std::string digest;  // of everything that happened
  std::uint64_t events = 0, calls = 0, publishes = 0;
  sim::Micros virtual_time = 0, rest_time = 0;  // until it came to rest
};

struct RunOptions {
  std::function<void(const std::string&)> trace;  // every occurrence (world/trace.h), in words
  bool keep_last_events = false;
};

RunResult run(const Plan& plan, const RunOptions& options = {});

}  // namespace pinnate::simulator
