#include "exit_code.h"

#include "shown_text.h"

namespace cli {

ExitCode exit_code_of(pinnate_status status) {
  switch (status) {
    case PINNATE_OK:
      return ExitCode::kOk;
    case PINNATE_INVALID:
      return ExitCode::kUsage;
    case PINNATE_NOT_FOUND:
      return ExitCode::kNotFound;
    case PINNATE_CONFLICT:
    case PINNATE_REFUSED:
    case PINNATE_BUSY:
    case PINNATE_TOO_LARGE:
    case PINNATE_IN_USE:
      return ExitCode::kRefused;
    case PINNATE_UNREACHABLE:
      return ExitCode::kUnreachable;
    case PINNATE_TIMEOUT:
      return ExitCode::kTimeout;
    case PINNATE_INTERRUPTED:
      return ExitCode::kUnknown;
    default:
      return ExitCode::kFailed;
  }
}

Failure failure_of(pinnate_status status, const std::string& words) {
  return {exit_code_of(status), shown(words.empty() ? pinnate_status_name(status) : words)};
}

void check(pinnate_status status, const std::string& words) {
  if (status != PINNATE_OK) throw failure_of(status, words.empty() ? pinnate_last_error() : words);
}

}  // namespace cli
