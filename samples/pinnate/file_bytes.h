// Files as bytes. Both throw Failure that names the file and the reason.
#pragma once

#include <string>
#include <string_view>

namespace cli {

// The whole file; "-" is stdin. A file that does not exist is kNotFound.
std::string file_bytes(const std::string& path);

void write_file(const std::string& path, std::string_view bytes);

}  // namespace cli
