// How the program ends, and the one exception that carries such an end with its words.
#pragma once

#include <pinnate/common.h>

#include <stdexcept>
#include <string>

namespace cli {

// Scripts rely on these numbers: they are documented in --help and in the README, and never change
// their meaning.
enum class ExitCode : int {
  kOk = 0,
  kFailed = 1,  // asked and answered: it failed, or not every selected engine serves the release
  kUsage = 2,  // the command line, a configuration file, a name or an input file is malformed
  kUnreachable = 3,  // no link to the tier asked, or from it to any engine that could answer
  kRefused = 4,  // not allowed, or in conflict with what is there
  kTimeout = 5,
  kNotFound = 6,
  kUnknown = 7,  // the link was lost after the order was sent: it may or may not have been carried out
  kInterrupted = 130,
};

inline constexpr char kExitCodeTable[] =
    "Exit codes:\n"
    "    0  done\n"
    "    1  asked and answered, but it failed; for publish --wait: not every selected online engine serves the "
    "release\n"
    "    2  wrong usage: a flag, a name, a configuration or an input file is malformed\n"
    "    3  unreachable: no link to the tier asked, or none to an engine that could answer\n"
    "    4  refused: not allowed, or in conflict with what is there (same version with other bytes, over a limit,\n"
    "       folder or address in use, another fleet)\n"
    "    5  not done within --timeout\n"
    "    6  not found: no such function, release, engine or file\n"
    "    7  unknown: the link was lost after the order was sent, so it may or may not have been carried out\n"
    "  130  interrupted by Ctrl-C";

inline constexpr char kUnwritten[] = "what was found out could not be written to stdout";

ExitCode exit_code_of(pinnate_status status);

class Failure : public std::runtime_error {
 public:
  Failure(ExitCode code, const std::string& words) : std::runtime_error(words), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

// What the library says of a failed request, which may be a peer's words. Where it says nothing,
// the status goes by its name.
Failure failure_of(pinnate_status status, const std::string& words);

// Throws unless `status` is OK: with `words`, or, where they are empty, with the library's words
// for this thread.
void check(pinnate_status status, const std::string& words = {});

}  // namespace cli
