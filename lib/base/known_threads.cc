#include "base/known_threads.h"

#include "base/fork.h"

#include <unistd.h>

#include <mutex>

namespace pinnate {
namespace {

struct Known {
  std::mutex mutex;
  std::multiset<pid_t> ids;  // one may be known twice
};
Known& known() { return one_per_process<Known>(); }

}  // namespace

KnownThread::KnownThread() : id_(gettid()) {
  const std::lock_guard lock(known().mutex);
  known().ids.insert(id_);
}

KnownThread::~KnownThread() {
  const std::lock_guard lock(known().mutex);
  if (const auto found = known().ids.find(id_); found != known().ids.end()) known().ids.erase(found);
}

std::set<pid_t> known_threads() {
  const std::lock_guard lock(known().mutex);
  return {known().ids.begin(), known().ids.end()};
}

}  // namespace pinnate
