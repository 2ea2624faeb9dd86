// Assertions that stay on, where bytes, turns, credit or counts are accounted for. One that fails
// is a defect of ours: it ends tests, the simulator and sanitized builds. Elsewhere a host must not
// go down with it, so the check is false, and its caller says so in the log and drops the link:
//
//     if (!PINNATE_CHECK(taken <= held, "a link took too much")) return refuse(link, defect());
#pragma once

#include "base/status.h"

namespace pinnate {

// Called by a check that fails. The main() of tests and of the simulator sets it, before other
// threads start, to print the words and abort.
extern void (*on_failed_check)(const char* words, const char* file, int line);

bool check_failed(const char* words, const char* file, int line);  // false, where it returns

inline Status defect() { return {PINNATE_INTERNAL, "a defect of this tier, which its log names"}; }

}  // namespace pinnate

#define PINNATE_CHECK(condition, words) \
  (static_cast<bool>(condition) || ::pinnate::check_failed(words, __FILE__, __LINE__))
