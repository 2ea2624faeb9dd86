// The containers with some labels: listed, and listed again when the runtime's events say that they
// may have changed.
#pragma once

#include "discovery/source/source.h"

#include <cstdint>
#include <string>
#include <vector>

namespace pinnate::discovery {

struct ContainerTiming {
  std::int64_t soon_ms = 50;  // from an event to the list: what happens together is listed once
  std::int64_t settle_ms = 1000;  // from the list at the begin of a stream of events to another
  std::int64_t again_ms = 30000;  // from a list to the next, whatever is heard
  std::int64_t backoff_least_ms = 200, backoff_most_ms = 10000;
  std::int64_t answer_ms = 30000;
};

struct ContainerQuery {
  std::string socket;
  std::vector<std::string> labels;  // KEY=VALUE
  std::string network;  // "": all
  std::uint16_t port = kDefaultPort;
};

Result<std::unique_ptr<Source>> watch_containers(Loop& loop, const Log& log, Say say, ContainerQuery query,
                                                 const ContainerTiming& timing);

}  // namespace pinnate::discovery
