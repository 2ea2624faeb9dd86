#include "base/check.h"

#include <cstdlib>

namespace pinnate {

void (*on_failed_check)(const char* words, const char* file, int line) = nullptr;

bool check_failed(const char* words, const char* file, int line) {
  if (on_failed_check) on_failed_check(words, file, line);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  std::abort();
#endif
  return false;
}

}  // namespace pinnate
