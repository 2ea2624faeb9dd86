// Everything that can be done to a simulated fleet: what its users do, and what goes wrong with it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace pinnate::simulator {

enum class Act : std::uint8_t {
  // What users do.
  publish,
  publish_series,
  publish_older,
  unpublish,
  call,
  call_flood,
  // What goes wrong.
  reset,
  reset_at_byte,
  half_open,
  stall,
  slow,
  partition_site,
  partition_cluster,
  kill,
  power_loss,
  late_completion,
  failed_write,
  stray_completion,
  cache_lost,
  cache_truncated,
  cache_flipped,
  cache_forged,
  disk_full,
  clock_jump,
  engine_replaced,
  engine_twin,
  engine_moved,
  engine_relabelled,
  address_reused,
  module_fails,
  module_hangs,
  module_kills,
  module_slow,
  corrupt_chunks,
  week_off,
  old_backup,
  source_fails,
  source_incomplete,
  source_empty,
  // What ends some of it again.
  relief,
};
inline constexpr std::size_t kActs = std::size_t(Act::relief) + 1;

enum class ActKind : std::uint8_t { workload, fault, relief };

struct ActFacts {
  Act act;
  const char* name;
  const char* what;
  ActKind kind;
  std::uint32_t weight;  // how often, among all that are allowed
};
const std::array<ActFacts, kActs>& all_acts();
inline const ActFacts& facts_of(Act act) { return all_acts()[std::size_t(act)]; }
std::optional<Act> act_named(std::string_view name);

// How often each was really done, in one run or in many: a fault that finds nothing to act on does
// not count, nor does one that left its tier as it was but for a restart.
using ActCounts = std::array<std::uint64_t, kActs>;

}  // namespace pinnate::simulator
