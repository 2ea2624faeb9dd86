// Members named by DNS, through c-ares (RFC 1035, RFC 2782 for SRV).
#pragma once

#include "discovery/source/source.h"

namespace pinnate::discovery {

Result<std::unique_ptr<Source>> open_dns(const Uri& uri, Loop& loop, const Log& log, Say say);
Result<std::unique_ptr<Source>> open_srv(const Uri& uri, Loop& loop, const Log& log, Say say);

}  // namespace pinnate::discovery
