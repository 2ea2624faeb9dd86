// What the options of every tier have in common, checked and taken over.
#pragma once

#include "base/log.h"
#include "base/status.h"
#include "runtime/clock.h"
#include "runtime/node.h"
#include "tier/tier.h"

#include <pinnate/fleet.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace pinnate::capi {

struct TierSetup {
  uv_loop_s* loop = nullptr;
  Log log;
  tier::TierOptions tier;  // with an id: the given one, or one made at random
  std::string given_id;  // before what names an instance is added; "": none
  std::uint32_t folder_wait_ms = 0;
};

// `role` begins an id that is made at random.
Result<TierSetup> read_tier_setup(const pinnate_tier_options& given, const std::string& role);

// Heartbeat and backoff, with their defaults; tier::check_options says whether they will do.
void take_times(const pinnate_tier_options& given, tier::TierOptions* tier);

// What may change of an open tier, with the rest as in `now`. PINNATE_INVALID names what may not.
Result<tier::TierOptions> read_changes(const pinnate_tier_options& given, const tier::TierOptions& now,
                                       const std::string& given_id);

// `where` is for the words, as the host calls the level.
Result<Log> read_log(pinnate_log_fn write, void* arg, const pinnate_log_level& lowest, const std::string& where);

// `where` is for the words, as the host calls the array.
Result<Labels> read_labels(const pinnate_label* const* given, std::size_t count, const std::string& where);
Result<Labels> read_headers(const pinnate_header* const* given, std::size_t count, const std::string& where);

// Takes the id that is kept in the folder, or keeps the one of `setup` there. With the folder's
// store open.
Status settle_id(const std::string& dir, TierSetup* setup);

// The folder's name, or nothing when there is none. PINNATE_INVALID when it is "".
Result<std::optional<std::string>> read_folder(const char* given, const char* name);

inline constexpr std::uint32_t kFolderPollMs = 10;

// Opens a store with `open`, which returns a Result, and again for as long as its folder is in use
// and the host wants to wait.
template <class Open>
auto open_when_free(const TierSetup& setup, Open open) {
  const std::int64_t until_ms = runtime::monotonic_ms() + setup.folder_wait_ms;
  for (;;) {
    auto opened = open();
    if (opened.status().code() != PINNATE_IN_USE || runtime::monotonic_ms() >= until_ms) return opened;
    runtime::pause_ms(kFolderPollMs);  // nothing tells when a lock of another process goes
  }
}

// The store of a gateway or an engine: in `dir`, with the id settled; without one, in memory.
Status open_store(const std::optional<std::string>& dir, const std::string& role, TierSetup* setup,
                  runtime::NodeParts* parts);

// `given`, or where that is 0 `otherwise`.
template <class Number>
Number or_default(Number given, Number otherwise) {
  return given != 0 ? given : otherwise;
}

}  // namespace pinnate::capi
