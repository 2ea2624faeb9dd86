// The requests of fleet.h, the same for every handle: checked here, sent as messages, answered to
// the host's callbacks. Each returns what the function of the ABI with its name does.
#pragma once

#include "base/status.h"
#include "capi/handle.h"
#include "wire/message.h"

#include <pinnate/fleet.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace pinnate::capi {

Status publish(Handle& handle, const pinnate_publish* publish, pinnate_progress_fn on_progress,
               pinnate_published_fn on_published, void* arg);
Status publish_wait(Handle& handle, const pinnate_publish* publish, pinnate_published* published);
Status unpublish(Handle& handle, const char* name, std::uint64_t release, pinnate_done_fn on_done, void* arg);
Status releases(Handle& handle, const char* name, pinnate_releases_fn on_releases, void* arg);
Status status(Handle& handle, const char* name, pinnate_rollup_fn on_rollup, void* arg);
Status watch(Handle& handle, pinnate_rollup_fn on_rollup, void* arg);
Status lookup(Handle& handle, const pinnate_lookup* lookup, pinnate_rows_fn on_rows, void* arg);
Status ask_tiers(Handle& handle, wire::Lookup question, pinnate_rows_fn on_rows, void* arg);
Status call(Handle& handle, const pinnate_call* call, pinnate_result_fn on_result, void* arg);

// The message of a call, with its defaults, and with a view of the host's payload beside it: that
// is not copied yet.
struct CallOrder {
  wire::Call message;
  pinnate_bytes payload;
};
Result<CallOrder> read_call(const pinnate_call* given);
// The same with its payload.
Result<wire::Call> copy_call(const pinnate_call* given);

// The message of a lookup, with its defaults.
Result<wire::Lookup> read_lookup(const pinnate_lookup* given);

// What an optional string says; where it is NULL, nothing. Fails as `check` does.
Status take_name(const char* given, Status (*check)(std::string_view), std::string* name);

}  // namespace pinnate::capi
