#include "simulator/shrink.h"

#include <algorithm>

namespace pinnate::simulator {
namespace {

class Shrinker {
 public:
  Shrinker(std::uint64_t seed, PlanOverrides overrides, const Violation& violation, std::size_t most_runs)
      : seed_(seed), most_runs_(most_runs), best_{std::move(overrides), violation, 0, 0} {
    const Plan plan = draw_plan(seed_, best_.overrides);
    steps_ = plan.steps.size();
    cut_steps_after(violation.step);
  }

  Shrunk go() {
    for (bool smaller = true; smaller && best_.runs < most_runs_;) {
      smaller = fewer_tiers();
      for (std::size_t size = steps_ / 2; size > 0; size /= 2) smaller |= fewer_steps(size);
    }
    best_.steps_left = steps_ - std::min(steps_, best_.overrides.skipped.size());
    return best_;
  }

 private:
  bool fails(const PlanOverrides& overrides) {
    if (best_.runs >= most_runs_) return false;
    ++best_.runs;
    const RunResult result = run(draw_plan(seed_, overrides));
    if (!result.violation || result.violation->promise != best_.violation.promise) return false;
    best_.overrides = overrides;
    best_.violation = *result.violation;
    return true;
  }

  // What comes after the violation has no part in it.
  void cut_steps_after(std::size_t step) {
    PlanOverrides fewer = best_.overrides;
    for (std::size_t i = step + 1; i < steps_; ++i) fewer.skipped.insert(i);
    fails(fewer);
  }

  bool fewer_tiers() {
    bool smaller = false;
    const Plan plan = draw_plan(seed_, best_.overrides);
    const auto try_smaller = [&](std::optional<std::uint32_t> PlanOverrides::*which, std::uint32_t now) {
      for (std::uint32_t value = 1; value < now; ++value) {
        PlanOverrides fewer = best_.overrides;
        fewer.*which = value;
        if (!fails(fewer)) continue;
        smaller = true;
        return;
      }
    };
    try_smaller(&PlanOverrides::depth, plan.depth);
    try_smaller(&PlanOverrides::nodes, plan.nodes);
    try_smaller(&PlanOverrides::clusters, plan.clusters);
    try_smaller(&PlanOverrides::engines, plan.engines);
    return smaller;
  }

  // Leaves out `size` steps at a time, from the end.
  bool fewer_steps(std::size_t size) {
    bool smaller = false;
    std::vector<std::size_t> left;
    for (std::size_t i = 0; i < steps_; ++i)
      if (!best_.overrides.skipped.contains(i)) left.push_back(i);
    for (std::size_t end = left.size(); end > 0; end -= std::min(end, size)) {
      PlanOverrides fewer = best_.overrides;
      for (std::size_t i = end - std::min(end, size); i < end; ++i) fewer.skipped.insert(left[i]);
      smaller |= fails(fewer);
    }
    return smaller;
  }

  std::uint64_t seed_;
  std::size_t most_runs_;
  std::size_t steps_ = 0;
  Shrunk best_;
};

}  // namespace

Shrunk shrink(std::uint64_t seed, PlanOverrides overrides, const Violation& violation, std::size_t most_runs) {
  return Shrinker(seed, std::move(overrides), violation, most_runs).go();
}

std::string in_ranges(const std::set<std::size_t>& numbers) {
  std::string text;
  for (auto it = numbers.begin(); it != numbers.end();) {
    const std::size_t first = *it;
    std::size_t last = first;
    while (++it != numbers.end() && *it == last + 1) last = *it;
    text += (text.empty() ? "" : ",") + std::to_string(first) + (last > first ? "-" + std::to_string(last) : "");
  }
  return text;
}

}  // namespace pinnate::simulator
