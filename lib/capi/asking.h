// The requests of fleet.h, the same for every handle: checked here, sent as messages, answered to
// the host's callbacks. Each returns what the function of the ABI with its name does; those that
// take a Mode do both it and its ..._wait form.
#pragma once

#include "base/status.h"
#include "capi/handle.h"
#include "wire/message.h"

#include <pinnate/fleet.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace pinnate::capi {

inline constexpr std::uint32_t kDefaultTimeoutMs = 10000;  // of calls and lookups

// wait: returns when the callback has, and with what it was told. The callback may be null then.
enum class Mode { callback, wait };

Status publish(Handle& handle, const pinnate_publish* publish, pinnate_progress_fn on_progress,
               pinnate_published_fn on_published, void* arg);
Status publish_wait(Handle& handle, const pinnate_publish* publish, pinnate_published* published);
Status unpublish(Handle& handle, Mode mode, const char* name, std::uint64_t release, pinnate_done_fn on_done,
                 void* arg);
Status releases(Handle& handle, Mode mode, const char* name, pinnate_releases_fn on_releases, void* arg);
Status status(Handle& handle, Mode mode, const char* name, pinnate_rollup_fn on_rollup, void* arg);
Status when_live(Handle& handle, std::uint64_t release, std::uint64_t engines, std::uint32_t timeout_ms,
                 pinnate_done_fn on_done, void* arg, pinnate_ticket* ticket);
Status when_live_wait(Handle& handle, std::uint64_t release, std::uint64_t engines, std::uint32_t timeout_ms);
Status when_serving(Handle& handle, const char* name, std::uint32_t timeout_ms, pinnate_done_fn on_done, void* arg,
                    pinnate_ticket* ticket);
Status when_serving_wait(Handle& handle, const char* name, std::uint32_t timeout_ms);
Status watch(Handle& handle, pinnate_rollup_fn on_rollup, void* arg, pinnate_ticket* ticket);
Status lookup(Handle& handle, Mode mode, const pinnate_lookup* lookup, pinnate_rows_fn on_rows, void* arg);
Status members(Handle& handle, Mode mode, const pinnate_lookup* lookup, pinnate_members_fn on_members, void* arg);
Status ask_tiers(Handle& handle, Mode mode, wire::Lookup question, pinnate_rows_fn on_rows, void* arg,
                 pinnate_ticket* ticket);
Status call(Handle& handle, const pinnate_call* call, pinnate_result_fn on_result, void* arg);
// Through the tree; *result as pinnate_engine_call_wait says.
Status call_wait(Handle& handle, const pinnate_call* call, void** result, std::size_t* result_size);

// The message of a call, with its defaults, and with a view of the host's payload beside it: that
// is not copied yet.
struct CallOrder {
  wire::Call message;
  pinnate_bytes payload;
  pinnate_ticket* ticket;
};
Status read_call(const pinnate_call* given, CallOrder* order);
// The same with its payload.
Result<wire::Call> copy_call(const pinnate_call* given);
// A copy for pinnate_result_free. Throws std::bad_alloc.
void give_result(std::string_view bytes, void** result, std::size_t* result_size);

// The message of a lookup, with its defaults.
Result<wire::Lookup> read_lookup(const pinnate_lookup* given, pinnate_ticket** ticket = nullptr);

// What an optional string says; where it is NULL, nothing. Fails as `check` does.
Status take_name(const char* given, Status (*check)(std::string_view), std::string* name);
// The name of a function, which has to be there; `argument` is what the host calls it.
Status take_function(const char* given, const char* argument, std::string* function);

}  // namespace pinnate::capi
