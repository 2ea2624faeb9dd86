// The child's side of child.h: commands come as lines on standard input, answers go as lines to
// standard output.
#pragma once

#include <pinnate/common.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace bench {

using Words = std::vector<std::string>;

void answer(const Words& words);

// Runs the command `first`, then that of each line until standard input ends; leaves the program.
// Exceptions are answered as "error WORDS", after which the program ends too.
using Command = std::function<void(const Words& arguments)>;
[[noreturn]] void serve(const std::map<std::string, Command>& commands, const std::string& first,
                        const Words& arguments);

// Throws std::runtime_error with the library's words.
void check(pinnate_status status, const std::string& what);

// The options that all tiers here begin with. With PINNATE_BENCH_LOG set in the environment,
// warnings go to standard error.
pinnate_tier_options tier_options(const char* id);

// "count-links" notes what went over this process's connections so far; "links-since" answers
// "links NUMBER DOWN_LEAST DOWN_MOST DOWN_SUM UP_SUM", of what went since. `above`: the connections
// lead downstream.
void add_link_commands(std::map<std::string, Command>* commands, bool above);

// Raises the number of files that may be open as far as it goes.
void raise_file_limit();

}  // namespace bench
