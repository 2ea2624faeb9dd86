// What concerns the library as a whole: names, version, platform.
#include "capi/boundary.h"
#include "capi/publish_order.h"
#include "capi/sized.h"
#include "content/elf.h"

#include <pinnate/common.h>
#include <pinnate/fleet.h>

#include <iterator>

#define PINNATE_TEXT_OF(number) #number
#define PINNATE_TEXT(number) PINNATE_TEXT_OF(number)

namespace {

const char* const kStatusNames[] = {
    "ok",           "invalid",   "not found", "conflict",  "refused",     "unreachable",  "timeout",    "closed",
    "busy",         "too large", "no space",  "io",        "corrupt",     "incompatible", "failed",     "no memory",
    "wrong thread", "forked",    "in use",    "cancelled", "interrupted", "unsupported",  "overloaded", "internal",
};
static_assert(std::size(kStatusNames) == PINNATE_INTERNAL + 1);

const char* const kPhaseNames[] = {"pending", "fetching",     "loading",      "live",
                                   "failed",  "incompatible", "not selected", "offline"};
static_assert(std::size(kPhaseNames) == PINNATE_PHASE_COUNT);

const char* const kMemberStateNames[] = {"unknown",   "linked", "dialling", "waiting",     "refused",
                                         "elsewhere", "ending", "source",   "stale source"};
static_assert(std::size(kMemberStateNames) == PINNATE_MEMBER_STATE_COUNT);

template <std::size_t N>
const char* name_of(const char* const (&names)[N], long number) {
  return number >= 0 && static_cast<std::size_t>(number) < N ? names[number] : "unknown";
}

}  // namespace

const char* pinnate_status_name(pinnate_status status) {
  return name_of(kStatusNames, pinnate::capi::number_in(status));
}
const char* pinnate_phase_name(pinnate_phase phase) { return name_of(kPhaseNames, pinnate::capi::number_in(phase)); }
const char* pinnate_member_state_name(pinnate_member_state state) {
  return name_of(kMemberStateNames, pinnate::capi::number_in(state));
}
const char* pinnate_last_error(void) { return pinnate::capi::last_error(); }
pinnate_status pinnate_check_artifact(const pinnate_artifact* artifact, pinnate_checked_fn on_checked, void* arg) {
  return pinnate::capi::guarded([&] { return pinnate::capi::check_artifact(artifact, on_checked, arg); });
}
const char* pinnate_platform(void) { return pinnate::content::own_platform(); }
const char* pinnate_version(void) {
  return PINNATE_TEXT(PINNATE_VERSION_MAJOR) "." PINNATE_TEXT(PINNATE_VERSION_MINOR) "." PINNATE_TEXT(
      PINNATE_VERSION_PATCH);
}
