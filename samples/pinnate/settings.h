// What a configuration file may say, and how it and the flags make up a tier's settings.
#pragma once

#include "log_line.h"
#include "quantity.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cli {

// Absent: neither the flags nor the file said anything, and the library's default holds.
struct Settings {
  std::optional<std::string> id;
  std::optional<std::string> fleet;
  std::optional<std::string> up;
  std::optional<std::string> state;
  std::optional<std::string> cache;
  std::optional<std::string> to;
  std::vector<std::string> listen;
  std::vector<std::string> down;
  std::vector<std::string> members;
  std::vector<std::pair<std::string, std::string>> labels;
  std::optional<std::uint64_t> cache_limit;
  std::optional<std::uint64_t> artifact_limit;
  std::optional<std::uint64_t> kept_images;
  std::optional<std::uint64_t> kept_bytes;
  std::optional<Milliseconds> forget_after;
  std::optional<Milliseconds> heartbeat;
  std::optional<pinnate_log_level> log_level;
};

// Who reads the file: each may set what it has a flag for. Clients read `to` and `fleet` and pass
// over the rest, so that they can share a tier's file.
enum class Reader { kController, kGateway, kEngine, kClient };

// Reads a TOML file. Throws Failure(kUsage) that names file, line and key.
Settings read_settings(const std::string& path, Reader reader);

// What the flags said, and for the rest what the file says. Labels add up, a flag's value winning.
Settings combined(Settings flags, Settings file);

// "key=value". Throws Failure(kUsage).
std::pair<std::string, std::string> parse_label(const std::string& text);

}  // namespace cli
