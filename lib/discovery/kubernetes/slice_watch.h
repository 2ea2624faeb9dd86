// The EndpointSlices of one Service: listed, then watched from where the list ended, for as long as
// it goes well; listed again when the server has forgotten that point.
#pragma once

#include "discovery/kubernetes/access.h"
#include "discovery/kubernetes/slices.h"
#include "discovery/source/source.h"

#include <cstdint>
#include <string>

namespace pinnate::discovery {

struct SliceTiming {
  std::int64_t backoff_least_ms = 200, backoff_most_ms = 10000;
  std::int64_t relist_within_ms = 2000;  // many gateways hear at once that the server was restarted
  std::int64_t retry_after_most_s = 60;
  std::int64_t down_ms = 5000;  // a watch that is away for longer is said to be
  // A watch asks the server to end it after a time between these. Where nothing changes and no
  // bookmark comes, a server that is dead looks the same until then.
  std::int64_t watch_least_s = 140, watch_most_s = 165;
  std::int64_t watch_grace_ms = 15000;  // behind that: the server is dead
  std::int64_t answer_ms = 30000;  // until headers, and between the bytes of a list
  std::int64_t watch_again_ms = 100;  // at the soonest, from begin to begin
};

struct SliceQuery {
  std::string space, service;  // a namespace, and a Service in it
  PortChoice port;
};

Result<std::unique_ptr<Source>> watch_slices(Loop& loop, const Log& log, Say say, SliceQuery query, Access access,
                                             const SliceTiming& timing);

}  // namespace pinnate::discovery
