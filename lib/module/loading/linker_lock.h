// The dynamic linker of the process. glibc loads or unloads one object at a time, constructors and
// destructors included, so one that hangs in them holds up those of all engines. Who needs the
// linker takes this first, and can say whom it waits for.
#pragma once

#include "base/status.h"
#include "base/thread.h"

#include <string>

namespace pinnate::module {

class LinkerLock {
 public:
  // Waits until `limit`, and gives up earlier when the holder has passed its own.
  LinkerLock(const std::string& who, TimePoint limit);
  ~LinkerLock();
  LinkerLock(const LinkerLock&) = delete;
  LinkerLock& operator=(const LinkerLock&) = delete;

  // PINNATE_BUSY: it was not had, and who holds it.
  const Status& status() const { return status_; }

 private:
  Status status_;
};

}  // namespace pinnate::module
