#include "module/linker.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

namespace pinnate::module {
namespace {

struct Linker {
  std::mutex mutex;
  std::condition_variable changed;
  bool held = false;
  std::string by;
  TimePoint until;

  // Never destroyed: threads that a module holds may outlive static objects.
  static Linker& get() {
    static Linker& linker = *new Linker;
    return linker;
  }
};

}  // namespace

LinkerTurn::LinkerTurn(const std::string& who, TimePoint limit) {
  Linker& linker = Linker::get();
  std::unique_lock lock(linker.mutex);
  while (linker.held) {
    const TimePoint patience = std::min(limit, linker.until);
    if (Clock::now() >= patience) {
      status_ = {PINNATE_BUSY, "the dynamic linker of the process does one thing at a time, and is held by " +
                                   linker.by + ", in an engine of this process, which has not returned yet"};
      return;
    }
    linker.changed.wait_until(lock, patience);
  }
  linker.by = who;
  linker.until = limit;
  linker.held = true;
}

LinkerTurn::~LinkerTurn() {
  if (!status_.ok()) return;
  Linker& linker = Linker::get();
  const std::lock_guard lock(linker.mutex);
  linker.held = false;
  linker.changed.notify_one();
}

}  // namespace pinnate::module
