// Takes over what a host wants published, and checks it.
#pragma once

#include "base/status.h"
#include "runtime/publisher_driver.h"

#include <pinnate/fleet.h>

namespace pinnate::capi {

// Opens the files and reads their first bytes, no more. Fails in words that name the field.
// `check`: native modules are looked at, and refused where engines would.
Result<runtime::PublishOrder> read_publish(const pinnate_publish* given, bool check, pinnate_ticket** ticket = nullptr);

Status check_artifact(const pinnate_artifact* given, pinnate_checked_fn on_checked, void* arg);

}  // namespace pinnate::capi
