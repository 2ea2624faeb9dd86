// How much memory this thread asked for since an Allocations was made: what is measured is malloc,
// which `new` and msgpack-c's zones both come down to.
#pragma once

#include <cstddef>

struct Allocations {
  Allocations();
  std::size_t peak_bytes() const;  // held at once, at most, beyond what was held at the beginning
};
