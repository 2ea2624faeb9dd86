// Output that never blocks whoever writes it: a thread of its own writes to stdout, and another one
// to stderr. What nobody reads is kept up to a limit and then dropped, a text at a time, and the
// place where something is missing says how many texts that were.
#pragma once

#include <chrono>
#include <string>

namespace cli {

enum class Output { out, err };

// `text` is written in one piece, so that it does not mix with that of other threads or of other
// processes. It ends with a newline. Any thread, at any moment; takes no lock of the C library's
// streams, which a module may hold for ever.
void write_whole(Output to, std::string text);

enum class Written { all, in_part, not_yet };

// Waits up to `limit` until nothing is kept any more. What was dropped, or could not be written, was
// written in part.
Written finish_output(std::chrono::milliseconds limit);

}  // namespace cli
