// Where the members below a gateway are named.
//
//   static:ADDRESS[,ADDRESS...]   these, always
//   file:PATH                     an address on each line; read again when it changes
//   dns:NAME[:PORT]               every address that NAME has                      (dns/)
//   srv:NAME                      every address and port that the service NAME has (dns/)
//   kubernetes:NAMESPACE/SERVICE[:PORT]    the EndpointSlices of a Service         (kubernetes/)
//   docker:SOCKET?label=KEY=VALUE          containers with this label              (containers/)
//
// Each takes options as a query, ?key=value&key=value.
#pragma once

#include "discovery/source/source.h"

#include <string>

namespace pinnate::discovery {

// PINNATE_INVALID says what is wrong with `uri`; PINNATE_UNSUPPORTED: this build has no such source.
// `loop` outlives the source. Nothing that is secret is in what it says or logs.
Result<std::unique_ptr<Source>> open_source(const std::string& uri, Loop& loop, const Log& log, Say say);

}  // namespace pinnate::discovery
