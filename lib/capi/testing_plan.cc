#include "capi/testing_plan.h"

#include "capi/boundary.h"
#include "capi/options.h"
#include "capi/sized.h"

#include <algorithm>

namespace pinnate::capi {
namespace {

constexpr std::uint32_t kMostTiers = 100000, kMostDepth = 8, kMostLatencyUs = 10000000;

struct Shape {
  std::uint32_t sites, clusters, engines, relays;
};

Status at_most(std::uint64_t given, std::uint64_t most, const std::string& what) {
  if (given <= most) return {};
  return {PINNATE_TOO_LARGE,
          what + " is " + std::to_string(given) + "; at most " + std::to_string(most) + " are allowed"};
}

Result<Shape> read_shape(const pinnate_testing_options& given) {
  const std::uint32_t depth = or_default(given.depth, 2u);
  if (Status s = at_most(depth, kMostDepth, "options.depth"); !s.ok()) return s;
  if (depth == 1 && given.clusters != 0)
    return {PINNATE_INVALID, "options.clusters is " + std::to_string(given.clusters) +
                                 ", and with options.depth 1 engines stand right below their site: set it to 0"};
  const Shape shape{or_default(given.sites, 1u), depth == 1 ? 0 : or_default(given.clusters, 1u),
                    or_default(given.engines, 1u), depth > 2 ? depth - 2 : 0};
  // One after another, so that no product can overflow.
  const std::uint64_t groups = std::uint64_t(shape.sites) * std::max(shape.clusters, 1u);
  for (const auto& [number, what] :
       {std::pair(shape.sites, "options.sites"), std::pair(shape.clusters, "options.clusters"),
        std::pair(shape.engines, "options.engines")})
    if (Status s = at_most(number, kMostTiers, what); !s.ok()) return s;
  const std::uint64_t gateways = std::uint64_t(shape.sites) * (1 + shape.relays + shape.clusters);
  if (Status s = at_most(gateways, kMostTiers, "the number of gateways"); !s.ok()) return s;
  if (Status s = at_most(groups * shape.engines, kMostTiers, "the number of engines"); !s.ok()) return s;
  return shape;
}

class Planner {
 public:
  Planner(const pinnate_testing_options& options, FleetPlan* plan) : options_(options), plan_(plan) {}

  Status plan(const Shape& shape) {
    if (Status s = add("c", "", PINNATE_ROLE_CONTROLLER, 0); !s.ok()) return s;
    for (std::uint32_t site = 0; site < shape.sites; ++site)
      if (Status s = add_site(shape, site); !s.ok()) return s;
    return {};
  }

 private:
  Status add_site(const Shape& shape, std::uint32_t site) {
    std::string gateway = "s" + std::to_string(site);
    if (Status s = add(gateway, "c", PINNATE_ROLE_GATEWAY, site); !s.ok()) return s;
    for (std::uint32_t relay = 0; relay < shape.relays; ++relay) {
      const std::string below = gateway + ".r0";
      if (Status s = add(below, gateway, PINNATE_ROLE_GATEWAY, 0); !s.ok()) return s;
      gateway = below;
    }
    if (shape.clusters == 0) return add_engines(shape, gateway);
    for (std::uint32_t k = 0; k < shape.clusters; ++k) {
      const std::string cluster = gateway + ".k" + std::to_string(k);
      if (Status s = add(cluster, gateway, PINNATE_ROLE_GATEWAY, k); !s.ok()) return s;
      if (Status s = add_engines(shape, cluster); !s.ok()) return s;
    }
    return {};
  }

  Status add_engines(const Shape& shape, const std::string& gateway) {
    for (std::uint32_t e = 0; e < shape.engines; ++e)
      if (Status s = add(gateway + ".e" + std::to_string(e), gateway, PINNATE_ROLE_ENGINE, e); !s.ok()) return s;
    return {};
  }

  Status add(const std::string& name, const std::string& parent, pinnate_role role, std::uint32_t index) {
    TierPlan tier;
    tier.name = name;
    tier.parent = parent;
    tier.role = role;
    tier.index = index;
    if (role == PINNATE_ROLE_ENGINE) {
      tier.durable = options_.durable != 0;
      tier.platform = options_.platform ? options_.platform : pinnate_platform();
    }
    if (options_.describe)
      if (Status s = describe(&tier); !s.ok()) return {s.code(), "tier '" + name + "': " + s.message()};
    tier::TierOptions whole = plan_->tier;
    whole.id = name;
    whole.incarnation = 1;  // each life draws its own
    whole.labels = tier.labels;
    if (Status s = tier::check_options(whole); !s.ok()) return {s.code(), "tier '" + name + "': " + s.message()};
    plan_->tiers.push_back(std::move(tier));
    return {};
  }

  Status describe(TierPlan* tier) const {
    pinnate_testing_tier row{};
    row.size = sizeof row;
    show(*tier, row);
    options_.describe(options_.describe_arg, &row);
    Result<Labels> labels = read_labels(row.labels, row.label_count, "labels");
    if (!labels.ok()) return labels.status();
    tier->labels = std::move(*labels);
    if (Status s = at_most(row.latency_us, kMostLatencyUs, "latency_us"); !s.ok()) return s;
    tier->latency_us = row.latency_us;
    if (tier->role != PINNATE_ROLE_ENGINE) return {};
    tier->durable = row.durable != 0;
    if (Status s = required(row.platform, "platform"); !s.ok()) return s;
    tier->platform = row.platform;
    return check_platform(tier->platform);
  }

  const pinnate_testing_options& options_;
  FleetPlan* plan_;
};

}  // namespace

void show(const TierPlan& tier, pinnate_testing_tier& row) {
  row.name = tier.name.c_str();
  row.parent = tier.parent.c_str();
  row.role = tier.role;
  row.index = tier.index;
  row.platform = tier.platform.c_str();
  row.durable = tier.durable;
  row.latency_us = tier.latency_us;
}

Result<FleetPlan> read_plan(const pinnate_testing_options* options) {
  const Result<pinnate_testing_options> given = read_sized(options, "options");
  if (!given.ok()) return given.status();
  const Result<Shape> shape = read_shape(*given);
  if (!shape.ok()) return shape.status();
  FleetPlan plan;
  plan.seed = or_default(given->seed, plan.seed);
  plan.latency_min_us = or_default(given->latency_min_us, plan.latency_min_us);
  plan.latency_max_us = or_default(given->latency_max_us, std::max(plan.latency_min_us, plan.latency_max_us));
  if (Status s = at_most(plan.latency_max_us, kMostLatencyUs, "options.latency_max_us"); !s.ok()) return s;
  if (plan.latency_min_us > plan.latency_max_us)
    return {PINNATE_INVALID, "options.latency_min_us is " + std::to_string(plan.latency_min_us) +
                                 ", more than latency_max_us, which is " + std::to_string(plan.latency_max_us)};
  plan.forget_after_ms = or_default(given->forget_after_ms, plan.forget_after_ms);
  if (given->platform)
    if (Status s = check_platform(given->platform); !s.ok()) return {s.code(), "options.platform: " + s.message()};
  pinnate_tier_options tier{};
  tier.heartbeat_ms = given->heartbeat_ms;
  tier.backoff_min_ms = given->backoff_min_ms;
  tier.backoff_max_ms = given->backoff_max_ms;
  take_times(tier, &plan.tier);
  const Result<Log> log = read_log(given->log, given->log_arg, given->log_level, "options.log_level");
  if (!log.ok()) return log.status();
  plan.log = *log;
  Status planned = Planner(*given, &plan).plan(*shape);
  if (!planned.ok()) return planned;
  return plan;
}

}  // namespace pinnate::capi
