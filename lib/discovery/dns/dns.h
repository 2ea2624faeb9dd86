// Members named by DNS, through c-ares (RFC 1035, RFC 2782 for SRV).
//
//   min_ms=N max_ms=N     floor and ceiling of the time between looks: 1000 and 10000; 100 to 86400000
//   server=IP[:PORT]      asked instead of those of resolv.conf; may stand several times
//   family=4 or 6         default both
//   timeout_ms=N          until a question is sent again, or to the next server: 1000; 10 to 60000
//   tries=N               so often each server is asked before it is said that none answers: 3; 1 to 10
//
// Names are searched for as resolv.conf says, but for one that ends in a dot. /etc/hosts is not read.
#pragma once

#include "discovery/dns/asking.h"
#include "discovery/source/source.h"

namespace pinnate::discovery {

Result<std::unique_ptr<Source>> open_dns(const Uri& uri, Loop& loop, const Log& log, Say say);
Result<std::unique_ptr<Source>> open_srv(const Uri& uri, Loop& loop, const Log& log, Say say);
// With other defaults than those of the system, which options of the URI override.
Result<std::unique_ptr<Source>> open_dns(const Uri& uri, Loop& loop, const Log& log, Say say, Asking asking);
Result<std::unique_ptr<Source>> open_srv(const Uri& uri, Loop& loop, const Log& log, Say say, Asking asking);

}  // namespace pinnate::discovery
