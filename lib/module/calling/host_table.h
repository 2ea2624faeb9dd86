// What a service may use of its engine: see pinnate_host.
#pragma once

#include <pinnate/module.h>

#include "module/lasting/host_callbacks.h"

#include <memory>
#include <string>

namespace pinnate::module {

// Where a module's log lines go, and whose they are said to be.
struct ModuleLog {
  std::string label;
  std::shared_ptr<HostCallbacks> callbacks;
};

// `log` must live as long as the table.
pinnate_host make_host_table(const ModuleLog& log);

}  // namespace pinnate::module
