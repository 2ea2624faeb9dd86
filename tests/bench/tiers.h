// What the processes that Child starts do: "pinnate-bench child ROLE ARGUMENT...".
#pragma once

#include "tier_protocol.h"

namespace bench {

// controller STATE_FOLDER: answers "ready ADDRESS". Then:
//   online ENGINES GATEWAYS               "online" when so many are
//   serving RELEASE ENGINES               "serving" when so many serve "1.0.RELEASE"
//   content SEED BYTES                    "made"
//   publish LOADER RELEASE                publishes that as module "bench" 1.0.RELEASE:
//                                         "published CALL_NS ACKNOWLEDGED_NS PREPARE_US DURABLE_US"
[[noreturn]] void run_controller(const Words& arguments);

// gateway ID UPSTREAM LISTEN: answers "ready ADDRESS".
[[noreturn]] void run_gateway(const Words& arguments);

// engines COUNT UPSTREAM...: answers "ready" when all were opened; engine i dials upstream i modulo
// their number. Then:
//   listen ADDRESS                        the first one listens: "ready ADDRESS"
//   expect RELEASE                        notes arrivals of "1.0.RELEASE" from now on: "expected"
//   arrived                               when all have arrived:
//                                         "arrived FIRST_VERIFIED_NS LAST_VERIFIED_NS LAST_LIVE_NS"
//   call ... , function-pointer ...       as the client's, at the first engine, in process
[[noreturn]] void run_engines(const Words& arguments);

// client ADDRESS: answers "ready". Then:
//   call PAYLOAD OUTSTANDING CALLS WARM_UP   "called SECONDS P50_US P99_US FAILED FIRST_FAILURE..."
[[noreturn]] void run_client(const Words& arguments);

}  // namespace bench
