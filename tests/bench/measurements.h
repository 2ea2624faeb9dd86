// The measurements, as the command line names them. Each prints its lines of JSON on standard
// output and returns the exit code. They throw WrongUsage, or std::runtime_error when something did
// not work.
#pragma once

#include <string>
#include <vector>

namespace bench {

int run_fanout(const std::vector<std::string>& words);
int run_calls(const std::vector<std::string>& words);
int run_folder_calls(const std::vector<std::string>& words);
int run_idle(const std::vector<std::string>& words);

extern const char kFanoutHelp[], kCallsHelp[], kFolderCallsHelp[], kIdleHelp[];

}  // namespace bench
