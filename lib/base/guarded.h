// Runs a module's code: whatever it throws ends here, as words. Only the unwinding of a thread that
// a module ends (pthread_exit) goes on, since nothing may stop that; what has to be done then too
// is an AtEnd.
#pragma once

#include "base/words.h"

#include <cxxabi.h>

#include <exception>
#include <optional>
#include <string>
#include <utility>

namespace pinnate {

// Runs at the end of a scope, however it is left.
template <typename Run>
class AtEnd {
 public:
  explicit AtEnd(Run run) : run_(std::move(run)) {}
  ~AtEnd() { run_(); }
  AtEnd(const AtEnd&) = delete;
  AtEnd& operator=(const AtEnd&) = delete;

 private:
  Run run_;
};

// Of this thread, where the C++ ABI of GCC has it. A module with a C++ runtime of its own counts
// there what it throws, and ours what is caught: one more than was thrown.
inline unsigned& uncaught_exceptions() {
  return *reinterpret_cast<unsigned*>(reinterpret_cast<char*>(abi::__cxa_get_globals()) + sizeof(void*));
}

// What it threw, or nothing. The runtime of GCC has no object for the unwinding of a thread and
// binds the handler's reference to null, which UBSan would report, here and wherever this is
// inlined.
template <typename Run>
__attribute__((noinline, no_sanitize("null"))) std::optional<std::string> thrown_by(Run run) {
  const unsigned uncaught = uncaught_exceptions();
  try {
    run();
    return std::nullopt;
  } catch (const abi::__forced_unwind&) {
    throw;
  } catch (const std::exception& e) {
    uncaught_exceptions() = uncaught;
    return "threw an exception: " + reason(e.what());
  } catch (...) {
    uncaught_exceptions() = uncaught;
    return "threw an exception";
  }
}

// The same for code of ours and of the host's, on a thread that must go on, or below a module's
// frames. False: it threw.
template <typename Run>
__attribute__((noinline, no_sanitize("null"))) bool quietly(Run run) {
  try {
    run();
    return true;
  } catch (const abi::__forced_unwind&) {
    throw;
  } catch (...) {
    return false;
  }
}

}  // namespace pinnate
