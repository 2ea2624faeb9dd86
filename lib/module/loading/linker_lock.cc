#include "module/loading/linker_lock.h"

#include "base/fork.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

namespace pinnate::module {
namespace {

struct Linker {
  std::mutex mutex;
  std::condition_variable free;
  std::string holder;  // "": nobody
  TimePoint until;
};
Linker& the_linker() { return one_per_process<Linker>(); }

}  // namespace

LinkerLock::LinkerLock(const std::string& who, TimePoint limit) {
  Linker& linker = the_linker();
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
  Linker& linker = the_linker();
  const std::lock_guard lock(linker.mutex);
  linker.holder.clear();
  linker.free.notify_one();
}

}  // namespace pinnate::module
