#include "simulator/plants.h"

namespace pinnate::simulator {

Plant planted = Plant::none;

const std::vector<PlantFacts>& all_plants() {
  static const std::vector<PlantFacts> plants = {
      {Plant::rollup_counts_twice, "rollup-counts-twice", 8, "gateway",
       "a gateway adds what a tier below reports to what it reported before it came back"},
      {Plant::rollup_keeps_the_lost, "rollup-keeps-the-lost", 8, "gateway",
       "a tier whose link is lost goes on being counted as online"},
      {Plant::forgotten_still_counted, "forgotten-still-counted", 8, "gateway",
       "a tier that was offline beyond the forget time stays in the sums"},
      {Plant::twin_takes_over, "twin-takes-over", 8, "gateway",
       "a second engine under an id that is linked takes the place of the first"},
      {Plant::acknowledged_before_durable, "acknowledged-before-durable", 3, "controller",
       "a publish is answered while its decision is being written"},
      {Plant::sent_before_durable, "sent-before-durable", 3, "controller",
       "a decision goes downstream while it is being written"},
      {Plant::artifact_not_synced, "artifact-not-synced", 3, "controller",
       "a publish is decided before its artifact is synced to disk"},
      {Plant::decision_kept_after_failed_write, "decision-kept-after-failed-write", 3, "controller",
       "a decision that could not be written is acted on"},
      {Plant::epoch_not_raised, "epoch-not-raised", 1, "controller",
       "a controller restored from a copy does not begin a new epoch"},
      {Plant::request_dropped_on_reset, "request-dropped-on-reset", 1, "gateway",
       "chunks asked for over a link that is lost are not asked for again"},
      {Plant::inherited_labels_ignored, "inherited-labels-ignored", 2, "engine",
       "an engine chooses releases by its own labels alone"},
      {Plant::failure_not_tried_again, "failure-not-tried-again", 1, "engine",
       "a module that failed once is not tried again"},
      {Plant::failure_kept_quiet, "failure-kept-quiet", 1, "engine",
       "a module that fails is tried again, and nobody is told that it failed"},
      {Plant::withdrawal_ignored, "withdrawal-ignored", 1, "engine",
       "a function that no release selects any more goes on being served"},
      {Plant::stale_link_still_receives, "stale-link-still-receives", 0, "controller",
       "desired state is sent on a link that is gone"},
      {Plant::older_state_taken, "older-state-taken", 2, "engine",
       "an older desired state is sent, and taken, after a newer one"},
      {Plant::state_acted_on_before_it_is_durable, "acted-on-before-durable", 2, "engine",
       "an engine acts on a desired state that its disk does not hold yet"},
      {Plant::superseded_goes_live, "superseded-goes-live", 2, "engine",
       "a module whose release is superseded while it loads goes live all the same"},
      {Plant::cache_trusts_its_file_name, "cache-trusts-its-file-name", 2, "gateway",
       "a gateway passes on what its cache holds without looking at it"},
      {Plant::drain_lets_calls_in, "drain-lets-calls-in", 4, "engine",
       "a service that is withdrawn takes calls while it drains"},
      {Plant::live_without_health_check, "live-without-health-check", 4, "engine",
       "a service takes calls as soon as it is created"},
      {Plant::old_service_left_behind, "old-service-left-behind", 4, "engine",
       "a service that was taken over from is neither drained nor destroyed"},
      {Plant::stop_first_beside_the_old, "stop-first-beside-the-old", 4, "engine",
       "a service that is one at a time is made beside the one that it replaces"},
      {Plant::call_sent_again, "call-sent-again", 5, "gateway",
       "a call that may have run is sent elsewhere when its link is lost"},
      {Plant::call_answered_twice, "call-answered-twice", 5, "gateway",
       "a call that timed out is answered again when its result comes"},
      {Plant::call_forgotten_on_reset, "call-forgotten-on-reset", 5, "gateway",
       "a call whose link is lost is never answered"},
      {Plant::calls_without_limit, "calls-without-limit", 6, "gateway",
       "one link may have any number of calls under way"},
      {Plant::call_bytes_without_limit, "call-bytes-without-limit", 6, "client",
       "the calls that one link has under way may be as large as they like"},
      {Plant::room_ignored, "room-ignored", 6, "gateway", "chunks are handed to a link that does not take them"},
      {Plant::requests_not_coalesced, "requests-not-coalesced", 7, "gateway",
       "a chunk is asked for again for every tier below that wants it"},
      {Plant::restart_forgets_its_cache, "restart-forgets-its-cache", 7, "gateway",
       "a gateway that starts again does not know what it holds"},
      {Plant::unnamed_is_cut_off, "unnamed-is-cut-off", 1, "gateway",
       "a member that a source names no more loses its link"},
      {Plant::empty_source_is_believed, "empty-source-is-believed", 1, "gateway",
       "a source that suddenly names nobody takes everybody away"},
      {Plant::incomplete_source_is_whole, "incomplete-source-is-whole", 1, "gateway",
       "whom an answer that was cut short leaves out is taken away"},
      {Plant::restart_forgets_members, "restart-forgets-members", 8, "gateway",
       "a gateway that starts again does not know whom its sources named last"},
  };
  return plants;
}

std::optional<Plant> plant_named(std::string_view name) {
  for (const PlantFacts& facts : all_plants())
    if (facts.name == name) return facts.plant;
  return std::nullopt;
}

}  // namespace pinnate::simulator
