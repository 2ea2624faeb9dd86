// Members that somebody has written down: a list, or a file that may change.
#pragma once

#include "discovery/source/source.h"

namespace pinnate::discovery {

Result<std::unique_ptr<Source>> open_list(const Uri& uri, Loop& loop, Say say);
Result<std::unique_ptr<Source>> open_file(const Uri& uri, Loop& loop, Say say);

}  // namespace pinnate::discovery
