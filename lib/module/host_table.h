// What a service may use of its engine: see pinnate_host.
#pragma once

#include <pinnate/module.h>

#include "module/reply_table.h"

namespace pinnate::module {

// `origin` must live as long as the table.
pinnate_host make_host_table(const Origin& origin);

}  // namespace pinnate::module
