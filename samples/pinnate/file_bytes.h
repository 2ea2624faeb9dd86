// Files as bytes. Both throw Failure that names the file and the reason.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cli {

// What a call and a configuration may carry, see fleet.h.
inline constexpr std::size_t kPayloadLimitBytes = 1024 * 1024, kConfigLimitBytes = 64 * 1024;

// The whole file; "-" is stdin. A file that does not exist is kNotFound, one of more than
// `limit_bytes` kRefused.
std::string file_bytes(const std::string& path, std::size_t limit_bytes);

void write_file(const std::string& path, std::string_view bytes);

}  // namespace cli
