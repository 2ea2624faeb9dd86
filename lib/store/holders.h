// Who has a file or a socket open, for words about what is in use. As far as this user may see:
// /proc shows the descriptors of a user's own processes, and to root those of all.
#pragma once

#include "store/files.h"

#include <cstdint>
#include <string>

namespace pinnate::store {

// "process 123 (python3)", up to three with ", " between; "another handle of this process". ""
// where nobody is seen. `besides`: a descriptor of this process that does not count, or -1.
std::string holders_of(const FileId& file, int besides);
std::string holders_of_listener(const std::string& unix_path);
std::string holders_of_listener(std::uint16_t tcp_port);

}  // namespace pinnate::store
