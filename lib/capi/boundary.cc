#include "capi/boundary.h"

#include <cstdio>
#include <exception>
#include <new>
#include <string>

namespace pinnate::capi {
namespace {

// Of fixed size, so that "out of memory" can be said too.
thread_local char words_of_last_error[1024] = "";

}  // namespace

pinnate_status remember(pinnate_status code, const char* words) noexcept {
  std::snprintf(words_of_last_error, sizeof words_of_last_error, "%s", words);
  return code;
}

const char* last_error() noexcept { return words_of_last_error; }

Status OpenedHere::check() const {
  if (forks_ == fork_count()) return {};
  return {PINNATE_FORKED,
          "this was opened before fork(), and stays with the process that opened it: open another in the child"};
}

pinnate_status run_guarded(Status (*run)(const void* body), const void* body) noexcept {
  try {
    const Status status = run(body);
    return status.ok() ? PINNATE_OK : remember(status.code(), status.message().c_str());
  } catch (const std::bad_alloc&) {
    return remember(PINNATE_NO_MEMORY, "out of memory");
  } catch (const std::exception& e) {
    return remember(PINNATE_INTERNAL, e.what());
  } catch (...) {
    return remember(PINNATE_INTERNAL, "an exception of no known type");
  }
}

Status required(bool given, const char* argument) {
  if (given) return {};
  return {PINNATE_INVALID, std::string(argument) + " is NULL"};
}

}  // namespace pinnate::capi
