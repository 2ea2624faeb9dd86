#include "capi/boundary.h"

#include <pthread.h>

#include <atomic>
#include <cstdio>
#include <mutex>
#include <string>

namespace pinnate::capi {
namespace {

// Of fixed size, so that "out of memory" can be said too.
thread_local char words_of_last_error[1024] = "";

std::atomic<bool> forked{false};

}  // namespace

pinnate_status remember(pinnate_status code, const char* words) noexcept {
  std::snprintf(words_of_last_error, sizeof words_of_last_error, "%s", words);
  return code;
}

const char* last_error() noexcept { return words_of_last_error; }

void mark_children_of_fork() {
  static std::once_flag once;
  std::call_once(once, [] { pthread_atfork(nullptr, nullptr, [] { forked.store(true, std::memory_order_relaxed); }); });
}

bool is_child_of_fork() noexcept { return forked.load(std::memory_order_relaxed); }

Status required(bool given, const char* argument) {
  if (given) return {};
  return {PINNATE_INVALID, std::string(argument) + " is NULL"};
}

}  // namespace pinnate::capi
