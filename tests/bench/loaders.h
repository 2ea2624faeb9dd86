// The kinds of artifact that the measurements publish.
#pragma once

#include <pinnate/loader.h>

#include <atomic>
#include <cstdint>

namespace bench {

// Notes when the artifact was there, verified; its services answer with nothing.
struct Arrival {
  std::atomic<std::int64_t> verified_ns{0};
  std::atomic<std::int64_t> expected_release{0};  // noted are only artifacts of version "1.0.N"
};
pinnate_loader arrival_loader(Arrival* arrival);  // kind "bytes"

// Its services answer with the payload, on the thread that calls.
pinnate_loader echo_loader();  // kind "echo": calls run on workers
pinnate_loader inline_echo_loader();  // kind "inline": on the thread of their link

}  // namespace bench
