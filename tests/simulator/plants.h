// The bugs that can be planted: each breaks a promise, and a run of enough seeds must say so.
// Compiled into pinnate-sim before anything else (-include), so that PINNATE_PLANT means something
// there.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace pinnate::simulator {

enum class Plant : std::uint8_t {
  none,
  rollup_counts_twice,
  rollup_keeps_the_lost,
  acknowledged_before_durable,
  sent_before_durable,
  artifact_not_synced,
  decision_kept_after_failed_write,
  epoch_not_raised,
  request_dropped_on_reset,
  stale_link_still_receives,
  drain_lets_calls_in,
  cache_trusts_its_file_name,
  older_state_taken,
  state_acted_on_before_it_is_durable,
  call_sent_again,
  call_answered_twice,
  call_forgotten_on_reset,
  calls_without_limit,
  call_bytes_without_limit,
  room_ignored,
  requests_not_coalesced,
  restart_forgets_its_cache,
  inherited_labels_ignored,
  failure_not_tried_again,
  failure_kept_quiet,
  live_without_health_check,
  superseded_goes_live,
  old_service_left_behind,
  twin_takes_over,
  withdrawal_ignored,
  forgotten_still_counted,
  stop_first_beside_the_old,
  unnamed_is_cut_off,
  empty_source_is_believed,
  incomplete_source_is_whole,
  restart_forgets_members,
};

struct PlantFacts {
  Plant plant;
  const char* name;
  int promise;  // that it breaks first of all
  const char* tier;  // whose code it is in
  const char* what;
};
const std::vector<PlantFacts>& all_plants();
std::optional<Plant> plant_named(std::string_view name);

extern Plant planted;  // set once, before any run

}  // namespace pinnate::simulator

#define PINNATE_PLANT(name) (::pinnate::simulator::planted == ::pinnate::simulator::Plant::name)
