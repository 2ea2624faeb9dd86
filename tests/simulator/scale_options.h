// The arguments of `pinnate-sim scale`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace pinnate::simulator {

struct ScaleOptions {
  std::string what = "all";
  // Not given: what each part says.
  std::optional<std::uint32_t> engines, sites;
  std::uint32_t clusters = 1;  // container gateways per site; 0: engines stand right below the site's gateway
  std::uint32_t functions = 4096;  // live on one engine
  std::uint64_t bytes = 256 * 1024;
  std::uint64_t seed = 1;
};

// Nothing, with why in *error: the arguments are wrong; with *error empty: help was asked for.
std::optional<ScaleOptions> parse_scale(int argc, char** argv, std::string* error);
extern const char* const kScaleHelp;

}  // namespace pinnate::simulator
