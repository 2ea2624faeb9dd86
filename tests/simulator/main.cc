#include "abort_on_failed_check.h"
#include "world/trace.h"
#include "simulator/many.h"
#include "simulator/options.h"
#include "simulator/scale.h"
#include "simulator/shrink.h"

#include <algorithm>
#include <cstdio>
#include <string>
#include <thread>

namespace pinnate::simulator {
namespace {

const char* promise_name(int promise) {
  static const char* const names[] = {"The contract between a tier and its driver",
                                      "Converges",
                                      "Only what was published",
                                      "Acknowledged is kept",
                                      "One service",
                                      "One outcome",
                                      "Bounded",
                                      "Once per link",
                                      "Honest counts"};
  return names[promise];
}

std::string again(std::uint64_t seed, const PlanOverrides& o) {
  std::string text = "pinnate-sim --seed " + std::to_string(seed);
  const auto add = [&](const char* name, const std::optional<std::uint32_t>& value) {
    if (value) text += std::string(" ") + name + " " + std::to_string(*value);
  };
  add("--nodes", o.nodes);
  add("--depth", o.depth);
  add("--clusters", o.clusters);
  add("--engines", o.engines);
  add("--steps", o.steps);
  if (o.faults) {
    std::string names;
    for (const Act act : *o.faults) names += (names.empty() ? "" : ",") + std::string(facts_of(act).name);
    text += " --faults " + (names.empty() ? "none" : names);
  }
  if (!o.skipped.empty()) text += " --skip " + in_ranges(o.skipped);
  if (planted != Plant::none)
    for (const PlantFacts& facts : all_plants())
      if (facts.plant == planted) text += std::string(" --plant ") + facts.name;
  return text;
}

void print_violation(std::uint64_t seed, const PlanOverrides& overrides, const Violation& v) {
  const Plan plan = draw_plan(seed, overrides);
  std::printf("promise %d (%s) is broken with seed %llu: %s\n", v.promise, promise_name(v.promise),
              static_cast<unsigned long long>(seed), v.what.c_str());
  if (v.step < plan.steps.size())
    std::printf("at %.6f s, when step %zu (%s) of %zu was due or done\n", double(v.at) / double(sim::kSecond), v.step,
                facts_of(plan.steps[v.step].act).name, plan.steps.size());
  else
    std::printf("at %.6f s, after the last of %zu steps, when faults had stopped\n",
                double(v.at) / double(sim::kSecond), plan.steps.size());
  std::printf(
      "fleet: %u nodes, %u levels of gateways, %u clusters, %u engines below each lowest gateway; heartbeat %u ms\n",
      plan.nodes, plan.depth, plan.clusters, plan.engines, plan.heartbeat_ms);
}

void print_counts(const ActCounts& counts, const ActCounts& came, ActKind kind, const char* title) {
  std::string text;
  for (const ActFacts& facts : all_acts()) {
    if (facts.kind != kind) continue;
    const auto count = counts[std::size_t(facts.act)], seen = came[std::size_t(facts.act)];
    text += (text.empty() ? "" : ", ") + std::string(facts.name) + " " + std::to_string(count);
    if (seen != count) text += " (came to pass " + std::to_string(seen) + " times)";
  }
  std::printf("%s: %s\n", title, text.c_str());
}

// Enough runs see everything that users do, and every fault that is allowed in them.
void print_missing(const ActCounts& came, const PlanOverrides& overrides, ActKind kind, const char* title) {
  std::string names;
  for (const ActFacts& facts : all_acts()) {
    if (facts.kind != kind || came[std::size_t(facts.act)] > 0) continue;
    if (kind == ActKind::workload || !overrides.faults || overrides.faults->contains(facts.act))
      names += " " + std::string(facts.name);
  }
  if (!names.empty()) std::printf("%s that did not happen in these runs:%s\n", title, names.c_str());
}

// The failing run once more, with its last events; a smaller one first, if that is wanted.
void explain(std::uint64_t seed, PlanOverrides overrides, Violation violation, bool smaller) {
  print_violation(seed, overrides, violation);
  if (smaller) {
    const Shrunk shrunk = shrink(seed, overrides, violation);
    std::printf("\nmade smaller in %zu runs, %zu steps are left:\n", shrunk.runs, shrunk.steps_left);
    overrides = shrunk.overrides;
    violation = shrunk.violation;
    print_violation(seed, overrides, violation);
    const Plan plan = draw_plan(seed, overrides);
    for (std::size_t i = 0; i < plan.steps.size(); ++i)
      if (!plan.skipped.contains(i)) std::printf("  step %zu: %s\n", i, facts_of(plan.steps[i].act).what);
  }
  RunOptions options;
  options.keep_last_events = true;
  const RunResult again_run = run(draw_plan(seed, overrides), options);
  std::printf("the last events before it:\n");
  for (const std::string& line : again_run.last_events) std::printf("  %s\n", line.c_str());
  std::printf("again: %s\n", again(seed, overrides).c_str());
}

int run_one(const Options& o) {
  RunOptions options;
  if (o.trace) options.trace = [](const std::string& line) { std::puts(line.c_str()); };
  const RunResult result = run(draw_plan(o.first_seed, o.overrides), options);
  if (result.violation) explain(o.first_seed, o.overrides, *result.violation, o.shrink);
  print_counts(result.counts, result.came, ActKind::workload, "done by users");
  print_counts(result.counts, result.came, ActKind::fault, "faults injected");
  std::printf("%llu events in %.3f s of virtual time, %.3f s of them until the fleet came to rest\n",
              static_cast<unsigned long long>(result.events), double(result.virtual_time) / double(sim::kSecond),
              double(result.rest_time) / double(sim::kSecond));
  std::printf("digest %s\n", result.digest.c_str());
  return result.violation ? 1 : 0;
}

int run_seeds(const Options& o, unsigned jobs) {
  const ManyResult all = run_many(o.first_seed, o.last_seed, o.overrides, jobs);
  if (all.failure) explain(all.failure->seed, o.overrides, all.failure->violation, o.shrink);
  print_counts(all.counts, all.came, ActKind::workload, "done by users");
  print_counts(all.counts, all.came, ActKind::fault, "faults injected");
  print_missing(all.came, o.overrides, ActKind::workload, "kinds of work");
  print_missing(all.came, o.overrides, ActKind::fault, "faults");
  std::printf(
      "%llu runs, %llu events, %llu publishes and unpublishes, %llu calls, %.1f hours of virtual time; the longest way "
      "to rest: %.1f s\n",
      static_cast<unsigned long long>(all.runs), static_cast<unsigned long long>(all.events),
      static_cast<unsigned long long>(all.publishes), static_cast<unsigned long long>(all.calls),
      double(all.virtual_time) / double(sim::kSecond) / 3600, double(all.longest_rest) / double(sim::kSecond));
  std::printf("digest %s\n", all.digest.c_str());
  return all.failure ? 1 : 0;
}

int hunt(const Options& o, unsigned jobs) {
  std::size_t caught = 0;
  std::string digests;
  for (const PlantFacts& facts : all_plants()) {
    planted = facts.plant;
    const ManyResult all = run_many(o.first_seed, o.last_seed, o.overrides, jobs);
    // By the check of the promise that it breaks; any other may be blind to it, and that one must
    // not be.
    const bool as_told = all.failure && all.failure->violation.promise == facts.promise;
    if (as_told) ++caught;
    if (all.failure)
      std::printf("%s  %-34s promise %d with seed %llu: %s\n", as_told ? "caught" : "ASTRAY", facts.name,
                  all.failure->violation.promise, static_cast<unsigned long long>(all.failure->seed),
                  all.failure->violation.what.c_str());
    else
      std::printf("MISSED  %-34s in seeds %llu..%llu\n", facts.name, static_cast<unsigned long long>(o.first_seed),
                  static_cast<unsigned long long>(o.last_seed));
    std::fflush(stdout);
    digests += all.digest;
  }
  planted = Plant::none;
  sim::Trace sum;
  sum.note({0, 0, sim::What::fault, 0, PINNATE_OK, digests, {}});
  std::printf("%zu of %zu planted bugs were caught\ndigest %s\n", caught, all_plants().size(),
              sum.digest_hex().c_str());
  return caught == all_plants().size() ? 0 : 1;
}

int main_of(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "scale") return run_scale(argc - 1, argv + 1);
  Options o;
  if (const auto wrong = read_options(argc, argv, &o)) {
    std::fprintf(stderr, "pinnate-sim: %s\n", wrong->c_str());
    return 2;
  }
  if (o.help) return std::fputs(kUsage, stdout), 0;
  if (o.list_plants) {
    for (const PlantFacts& facts : all_plants())
      std::printf("%-34s %-10s promise %d: %s\n", facts.name, facts.tier, facts.promise, facts.what);
    return 0;
  }
  if (o.list_faults) {
    for (const ActFacts& facts : all_acts())
      if (facts.kind == ActKind::fault) std::printf("%-20s %s\n", facts.name, facts.what);
    return 0;
  }
  const unsigned jobs = o.jobs > 0 ? o.jobs : std::max(1u, std::thread::hardware_concurrency());
  if (o.hunt) return hunt(o, jobs);
  planted = o.plant.value_or(Plant::none);
  return o.first_seed == o.last_seed ? run_one(o) : run_seeds(o, jobs);
}

}  // namespace
}  // namespace pinnate::simulator

int main(int argc, char** argv) { return pinnate::simulator::main_of(argc, argv); }
