// The dynamic linker of the process, which lets one object be loaded or unloaded at a time, with its constructors or destructors: one
// that hangs in them holds up those of all engines. Who needs the linker waits here first, and can say in words what it waits for.
#pragma once

#include "base/status.h"
#include "module/thread.h"

#include <string>

namespace pinnate::module {

class LinkerTurn {
 public:
  // Waits for it until `limit`, but not for one that holds it for longer than that one said. `limit` is also what is said to others.
  LinkerTurn(const std::string& who, TimePoint limit);
  ~LinkerTurn();
  LinkerTurn(const LinkerTurn&) = delete;
  LinkerTurn& operator=(const LinkerTurn&) = delete;

  // PINNATE_BUSY: it was not had, and by whom it is held.
  const Status& status() const { return status_; }

 private:
  Status status_;
};

}  // namespace pinnate::module
