#include "simulator/plan.h"

#include "base/random.h"

#include <iterator>

namespace pinnate::simulator {
namespace {

constexpr std::uint32_t kUsualSteps = 50;

Act draw_act(Random& random, const std::optional<std::set<Act>>& faults) {
  const auto allowed = [&](const ActFacts& f) {
    return f.kind != ActKind::fault || !faults || faults->contains(f.act);
  };
  std::uint64_t sum = 0;
  for (const ActFacts& f : all_acts()) sum += allowed(f) ? f.weight : 0;
  std::uint64_t at = random.below(sum);
  for (const ActFacts& f : all_acts()) {
    if (!allowed(f)) continue;
    if (at < f.weight) return f.act;
    at -= f.weight;
  }
  return Act::relief;
}

}  // namespace

std::uint32_t Plan::lowest_gateways() const {
  std::uint32_t gateways = nodes;
  for (std::uint32_t level = 1; level < depth; ++level) gateways *= clusters;
  return gateways;
}

Plan draw_plan(std::uint64_t seed, const PlanOverrides& overrides) {
  // A stream of its own for every part: overriding one leaves the others as they were.
  Random shape(seed * 4 + 0x51ed270b), times(seed * 4 + 0x2545f491), steps(seed * 4 + 0x9e3779b9),
      sources(seed * 4 + 0x3c6ef372);
  Plan plan;
  plan.seed = seed;
  plan.nodes = 1 + std::uint32_t(shape.below(3));
  plan.depth = 1 + std::uint32_t(shape.below(3));
  plan.clusters = 1 + std::uint32_t(shape.below(2));
  plan.engines = 1 + std::uint32_t(shape.below(3));
  plan.nodes = overrides.nodes.value_or(plan.nodes);
  plan.depth = overrides.depth.value_or(plan.depth);
  plan.clusters = overrides.clusters.value_or(plan.clusters);
  plan.engines = overrides.engines.value_or(plan.engines);

  // In a run that has weeks heartbeats are few, so that a week passes quickly. One that may only
  // have that fault has it.
  const bool only_weeks =
      overrides.faults && overrides.faults->contains(Act::week_off) && !overrides.faults->contains(Act::kill);
  const bool weeks = times.one_in(25) || only_weeks;
  plan.heartbeat_ms = weeks ? 600000 : times.one_in(3) ? 1000 : times.one_in(2) ? 5000 : 20000;
  plan.forget_after_ms = weeks ? 2 * 86400000u : times.one_in(2) ? 600000 : 1800000;
  plan.through_mux = times.one_in(4);

  const std::uint32_t count = overrides.steps.value_or(kUsualSteps);
  for (std::uint32_t i = 0; i < count; ++i) {
    Step step;
    step.act = draw_act(steps, overrides.faults);
    const std::uint64_t pace = steps.below(10);
    step.wait_ms = std::uint32_t(pace < 5   ? steps.below(20)
                                 : pace < 9 ? steps.below(400)
                                            : steps.below(4 * plan.heartbeat_ms));
    for (auto& draw : step.draws) draw = steps.next();
    constexpr Act lies[] = {Act::source_fails, Act::source_incomplete, Act::source_empty};
    const Act lie = lies[sources.below(std::size(lies))];
    const bool lies_now = sources.one_in(8);
    step.source_draw = sources.next();
    if (lies_now && (!overrides.faults || overrides.faults->contains(lie))) step.source = lie;
    if (step.act == Act::week_off && !weeks) step.act = Act::relief;
    plan.steps.push_back(step);
  }
  plan.skipped = overrides.skipped;
  return plan;
}

}  // namespace pinnate::simulator
