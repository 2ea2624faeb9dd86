#include "module/loading/linker_lock.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

namespace pinnate::module {
namespace {

// Never destroyed: threads that a module holds may outlive static objects.
struct Linker {
  std::mutex mutex;
  std::condition_variable free;
  std::string holder;  // "": nobody
  TimePoint until;
};
Linker& linker = *new Linker;

}  // namespace

LinkerLock::LinkerLock(const std::string& who, TimePoint limit) {
  std::unique_lock lock(linker.mutex);
  while (!linker.holder.empty()) {
    const TimePoint patience = std::min(limit, linker.until);
    if (Clock::now() >= patience) {
      status_ = {PINNATE_BUSY, "the dynamic linker of the process does one thing at a time, and is held by " +
                                   linker.holder + ", in an engine of this process, which has not returned yet"};
      return;
    }
    linker.free.wait_until(lock, patience);
  }
  linker.holder = who;
  linker.until = limit;
}

LinkerLock::~LinkerLock() {
  if (!status_.ok()) return;
  const std::lock_guard lock(linker.mutex);
  linker.holder.clear();
  linker.free.notify_one();
}

}  // namespace pinnate::module
