// Takes over what a host wants published, and checks it.
#pragma once

#include "base/status.h"
#include "runtime/publisher_driver.h"

#include <pinnate/fleet.h>

namespace pinnate::capi {

// Opens the files and reads their first bytes, no more. Fails in words that name the field.
Result<runtime::PublishOrder> read_publish(const pinnate_publish* given, pinnate_ticket** ticket = nullptr);

}  // namespace pinnate::capi
