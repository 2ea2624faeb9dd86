// Flags that several commands share.
#pragma once

#include "quantity.h"

#include <cstdint>
#include <optional>
#include <string>

namespace CLI {  // whose header is a large one
class App;
class Option;
}  // namespace CLI

namespace cli {

// For a positional, whose name says it all: help shows no type behind it.
CLI::Option* named_alone(CLI::Option* positional);

CLI::Option* add_duration(CLI::App& app, const std::string& name, std::optional<Milliseconds>& value,
                          const std::string& what);
CLI::Option* add_size(CLI::App& app, const std::string& name, std::optional<std::uint64_t>& value,
                      const std::string& what);

// How a command that asks reaches a tier.
struct TargetOptions {
  std::string to;
  std::string fleet;
  std::string config;
  std::string log_level;
  std::optional<Milliseconds> timeout;
};

// `timeout_words` completes "--timeout": what it limits, and its default.
void add_target_options(CLI::App& app, TargetOptions& target, const std::string& timeout_words);

}  // namespace cli
