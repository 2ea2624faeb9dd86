#include "simulator/acts.h"

namespace pinnate::simulator {

const std::array<ActFacts, kActs>& all_acts() {
  using enum ActKind;
  static const std::array<ActFacts, kActs> acts = {{
      {Act::publish, "publish", "a module is published, for all engines or for some", workload, 90},
      {Act::publish_series, "publish-series", "three versions of one module within a moment", workload, 12},
      {Act::publish_older, "publish-older", "a version that was published before is published again", workload, 16},
      {Act::unpublish, "unpublish", "a release, or all of a name, is withdrawn", workload, 22},
      {Act::call, "call", "a handful of calls from any tier, to any engine or to one", workload, 70},
      {Act::call_flood, "call-flood", "a client sends thousands of calls that nothing answers", workload, 1},
      {Act::reset, "reset", "the links between two tiers are reset now", fault, 24},
      {Act::reset_at_byte, "reset-at-byte", "a link is reset when so many more bytes have passed", fault, 24},
      {Act::half_open, "half-open", "one side alone believes that its link lives", fault, 12},
      {Act::stall, "stall", "one direction of a link stands still", fault, 12},
      {Act::slow, "slow", "one direction of a link carries few bytes a second", fault, 16},
      {Act::partition_site, "partition-site", "a site hears nobody outside it", fault, 8},
      {Act::partition_cluster, "partition-cluster", "a cluster inside a site hears nobody outside it", fault, 8},
      {Act::kill, "kill", "the process of a tier ends at once, or a dead one starts", fault, 40},
      {Act::power_loss, "power-loss",
       "a machine loses power: some of what was not synced is gone, and the last writes are there whole or not at all",
       fault, 24},
      {Act::late_completion, "late-completion", "the next writes of a tier come late", fault, 10},
      {Act::failed_write, "failed-write", "the next writes or reads of a tier fail", fault, 10},
      {Act::stray_completion, "stray-completion", "a tier gets completions of the life before", fault, 8},
      {Act::cache_lost, "cache-lost", "a stored chunk of a gateway or engine is gone", fault, 8},
      {Act::cache_truncated, "cache-truncated", "a stored chunk of a gateway or engine is cut short", fault, 8},
      {Act::cache_flipped, "cache-flipped", "a stored chunk of a gateway or engine has a flipped bit", fault, 8},
      {Act::cache_forged, "cache-forged", "a stored chunk is another one, with a checksum that fits", fault, 8},
      {Act::disk_full, "disk-full", "a tier's disk is full", fault, 10},
      {Act::clock_jump, "clock-jump", "a host's clock jumps by hours, either way", fault, 6},
      {Act::engine_replaced, "engine-replaced", "an engine is gone for good, a new one comes under a new id", fault, 8},
      {Act::engine_twin, "engine-twin", "a second engine lives under an id that is in use", fault, 6},
      {Act::engine_moved, "engine-moved", "an engine goes to another gateway", fault, 8},
      {Act::engine_relabelled, "engine-relabelled", "a tier starts again with other labels", workload, 10},
      {Act::address_reused, "address-reused", "an engine of another fleet answers at an engine's address", fault, 5},
      {Act::module_fails, "module-fails", "a step of a module fails, the first times or always", fault, 14},
      {Act::module_hangs, "module-hangs", "a step of a module never ends", fault, 5},
      {Act::module_kills, "module-kills", "a step of a module ends the process, the first times", fault, 8},
      {Act::module_slow, "module-slow", "a step of a module takes seconds", fault, 8},
      {Act::corrupt_chunks, "corrupt-chunks", "a peer sends chunks that are not what they should be", fault, 10},
      {Act::week_off, "week-off", "an engine is off for a week", fault, 1},
      {Act::old_backup, "old-backup", "the controller's disk is put back to an old copy", fault, 6},
      // Weighed apart, see plan.cc.
      {Act::source_fails, "source-fails", "where a gateway's members are named nobody answers", fault, 0},
      {Act::source_incomplete, "source-incomplete", "where a gateway's members are named some are left out", fault, 0},
      {Act::source_empty, "source-empty", "where a gateway's members are named nobody is, and then nobody answers",
       fault, 0},
      {Act::relief, "relief", "what is cut heals, what is down starts", relief, 60},
  }};
  return acts;
}

std::optional<Act> act_named(std::string_view name) {
  for (const ActFacts& facts : all_acts())
    if (facts.name == name) return facts.act;
  return std::nullopt;
}

}  // namespace pinnate::simulator
