// Memory of a running process, in bytes, from /proc. Throw std::runtime_error.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace bench {

std::uint64_t peak_bytes(pid_t pid);  // VmHWM
struct Shares {
  std::uint64_t pss = 0;  // pages shared with other processes count in parts
  std::uint64_t rss = 0;  // and here in full
};
Shares share_bytes(pid_t pid);

}  // namespace bench
