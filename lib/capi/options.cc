#include "capi/options.h"

#include "base/limits.h"
#include "base/names.h"
#include "capi/boundary.h"
#include "capi/identity.h"
#include "capi/loop.h"
#include "capi/sized.h"

#include <algorithm>

namespace pinnate::capi {
namespace {

constexpr std::size_t kLinkLimitBytes = 8 * 1024 * 1024;
constexpr std::size_t kLeastLinkLimitBytes = 4 * 1024 * 1024;
constexpr std::uint32_t kLongestFolderWaitMs = 600000;

template <class Pair>
Result<Labels> read_pairs(const Pair* const* given, std::size_t count, std::size_t most, const std::string& where) {
  Labels pairs;
  if (count == 0) return pairs;
  if (Status s = required(given, where.c_str()); !s.ok()) return s;
  if (count > most)
    return {PINNATE_TOO_LARGE,
            where + " has " + std::to_string(count) + " entries; at most " + std::to_string(most) + " are allowed"};
  for (std::size_t i = 0; i < count; i++) {
    const std::string which = where + "[" + std::to_string(i) + "]";
    const Result<Pair> pair = read_sized(given[i], which);
    if (!pair.ok()) return pair.status();
    if (Status s = required(pair->key, (which + ".key").c_str()); !s.ok()) return s;
    if (Status s = required(pair->value, (which + ".value").c_str()); !s.ok()) return s;
    if (!pairs.emplace(pair->key, pair->value).second)
      return {PINNATE_INVALID, which + ": the key '" + pair->key + "' was there before"};
  }
  return pairs;
}

}  // namespace

void take_times(const pinnate_tier_options& given, tier::TierOptions* tier) {
  tier->heartbeat_ms = or_default(given.heartbeat_ms, tier->heartbeat_ms);
  // Only one of the two given: the other keeps its default, or follows where that would contradict.
  tier->backoff_min_ms = or_default(given.backoff_min_ms, tier->backoff_min_ms);
  if (given.backoff_max_ms == 0) tier->backoff_max_ms = std::max(tier->backoff_max_ms, tier->backoff_min_ms);
  if (given.backoff_max_ms != 0) tier->backoff_max_ms = given.backoff_max_ms;
  if (given.backoff_min_ms == 0) tier->backoff_min_ms = std::min(tier->backoff_min_ms, tier->backoff_max_ms);
}

Result<Log> read_log(pinnate_log_fn write, void* arg, const pinnate_log_level& lowest, const std::string& where) {
  const long level = number_in(lowest);
  if (level < PINNATE_LOG_DEBUG || level > PINNATE_LOG_ERROR)
    return {PINNATE_INVALID, where + " is " + std::to_string(level) + ": no pinnate_log_level"};
  return Log{write, arg, std::make_shared<std::atomic<pinnate_log_level>>(lowest)};
}

Result<Labels> read_labels(const pinnate_label* const* given, std::size_t count, const std::string& where) {
  return read_pairs(given, count, kLabelLimit, where);
}

Result<Labels> read_headers(const pinnate_header* const* given, std::size_t count, const std::string& where) {
  Result<Labels> headers = read_pairs(given, count, kHeaderLimit, where);
  if (!headers.ok()) return headers;
  const Status checked = check_headers(*headers);
  return checked.ok() ? headers : checked;
}

Result<TierSetup> read_tier_setup(const pinnate_tier_options& given, const std::string& role) {
  TierSetup setup;
  if (given.uv_loop && given.loop)
    return {PINNATE_INVALID, "options.tier has both uv_loop and loop; a handle lives on one of them"};
  setup.loop = given.loop ? &given.loop->uv : given.uv_loop;
  if (given.folder_wait_ms > kLongestFolderWaitMs)
    return {PINNATE_INVALID, "options.tier.folder_wait_ms is " + std::to_string(given.folder_wait_ms) + "; at most " +
                                 std::to_string(kLongestFolderWaitMs) + " are allowed"};
  setup.folder_wait_ms = given.folder_wait_ms;
  const Result<Log> log = read_log(given.log, given.log_arg, given.log_level, "options.tier.log_level");
  if (!log.ok()) return log.status();
  setup.log = *log;
  tier::TierOptions& tier = setup.tier;
  tier.link_limit_bytes = or_default(given.link_limit_bytes, kLinkLimitBytes);
  if (tier.link_limit_bytes < kLeastLinkLimitBytes)
    return {PINNATE_INVALID, "options.tier.link_limit_bytes is " + std::to_string(tier.link_limit_bytes) +
                                 "; at least " + std::to_string(kLeastLinkLimitBytes) + " are needed"};
  if (given.fleet) tier.fleet = given.fleet;
  Result<Labels> labels = read_labels(given.labels, given.label_count, "options.tier.labels");
  if (!labels.ok()) return labels.status();
  tier.labels = std::move(*labels);
  take_times(given, &tier);

  const Result<std::uint64_t> seed = random_number();
  if (!seed.ok()) return seed.status();
  tier.seed = *seed;
  const Result<std::uint64_t> incarnation = new_incarnation();
  if (!incarnation.ok()) return incarnation.status();
  tier.incarnation = *incarnation;
  if (given.id) {
    tier.id = setup.given_id = given.id;
  } else {
    Result<std::string> id = random_tier_id(role);
    if (!id.ok()) return id.status();
    tier.id = std::move(*id);
  }
  if (Status s = tier::check_options(tier); !s.ok()) return s;
  return setup;
}

Result<tier::TierOptions> read_changes(const pinnate_tier_options& given, const tier::TierOptions& now,
                                       const std::string& given_id) {
  const auto fixed = [](const std::string& field, const std::string& was, const std::string& wanted) -> Status {
    return {PINNATE_INVALID,
            "tier." + field + " is '" + wanted + "' and was '" + was + "': it cannot change while the handle is open"};
  };
  if (const std::string fleet = given.fleet ? given.fleet : "default"; fleet != now.fleet)
    return fixed("fleet", now.fleet, fleet);
  if (given.id && given.id != given_id && given.id != now.id)
    return fixed("id", given_id.empty() ? now.id : given_id, given.id);
  if (const std::size_t limit = or_default(given.link_limit_bytes, kLinkLimitBytes); limit != now.link_limit_bytes)
    return fixed("link_limit_bytes", std::to_string(now.link_limit_bytes), std::to_string(limit));
  tier::TierOptions changed = now;
  Result<Labels> labels = read_labels(given.labels, given.label_count, "tier.labels");
  if (!labels.ok()) return labels.status();
  changed.labels = std::move(*labels);
  const tier::TierOptions defaults;
  changed.heartbeat_ms = defaults.heartbeat_ms;
  changed.backoff_min_ms = defaults.backoff_min_ms;
  changed.backoff_max_ms = defaults.backoff_max_ms;
  take_times(given, &changed);
  if (Status s = tier::check_options(changed); !s.ok()) return s;
  return changed;
}

Status settle_id(const std::string& dir, TierSetup* setup) {
  Result<std::string> id = keep_tier_id(dir, setup->given_id, setup->tier.id);
  if (!id.ok()) return id.status();
  setup->tier.id = std::move(*id);
  return {};
}

Result<std::optional<std::string>> read_folder(const char* given, const char* name) {
  if (!given) return std::optional<std::string>();
  if (*given == '\0') return {PINNATE_INVALID, std::string("options.") + name + " is empty; NULL is for none"};
  return std::optional<std::string>(given);
}

Status open_store(const std::optional<std::string>& dir, const std::string& role, TierSetup* setup,
                  runtime::NodeParts* parts) {
  parts->store_blocks = dir.has_value();
  auto store = dir ? open_when_free(*setup, [&] { return store::open_folder_store(*dir, role); })
                   : Result(store::make_memory_store());
  if (!store.ok()) return store.status();
  parts->store = std::move(*store);
  return dir ? settle_id(*dir, setup) : Status();
}

}  // namespace pinnate::capi
