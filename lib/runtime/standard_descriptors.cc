#include "runtime/standard_descriptors.h"

#include <cerrno>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <unistd.h>

namespace pinnate::runtime {

Status hold_standard_descriptors() {
  for (int wanted = 0; wanted <= STDERR_FILENO; ++wanted) {
    if (::fcntl(wanted, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest that is free is given out, and those below are taken by now.
    const int got = ::open("/dev/null", (wanted == STDIN_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
    if (got < 0)
      return {PINNATE_IO, "descriptor " + std::to_string(wanted) +
                              " is closed, and /dev/null cannot be put there: " + std::strerror(errno)};
    if (got > STDERR_FILENO) ::close(got);  // another thread was quicker
  }
  return {};
}

}  // namespace pinnate::runtime
