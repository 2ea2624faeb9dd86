// Runs a module's code: whatever it throws ends here, as words. Only the unwinding of a thread that is being cancelled goes on,
// since nothing may stop that.
#pragma once

#include "module/reason.h"

#include <cxxabi.h>

#include <exception>
#include <optional>
#include <string>

namespace pinnate::module {

// What it threw, or nothing. `on_unwinding` runs when the thread is being ended under us. The runtime of GCC has no object for such an
// unwinding and binds the handler's reference to null, which UBSan would report, here and wherever this is inlined.
template <typename Run, typename OnUnwinding>
__attribute__((noinline, no_sanitize("null"))) std::optional<std::string> thrown_by(Run run, OnUnwinding on_unwinding) {
  try {
    run();
    return std::nullopt;
  } catch (const abi::__forced_unwind&) {
    on_unwinding();
    throw;
  } catch (const std::exception& e) {
    return "threw an exception: " + reason(e.what());
  } catch (...) {
    return "threw an exception";
  }
}

template <typename Run>
std::optional<std::string> thrown_by(Run run) {
  return thrown_by(run, [] {});
}

// The same for code of ours and of the host's that nobody above may hear an exception of, as where a module has called it and what it
// throws would pass through the module's frames; there may be no memory for words. False: it threw.
template <typename Run, typename OnUnwinding>
__attribute__((noinline, no_sanitize("null"))) bool quietly(Run run, OnUnwinding on_unwinding) {
  try {
    run();
    return true;
  } catch (const abi::__forced_unwind&) {
    on_unwinding();
    throw;
  } catch (...) {
    return false;
  }
}

template <typename Run>
bool quietly(Run run) {
  return quietly(run, [] {});
}

}  // namespace pinnate::module
