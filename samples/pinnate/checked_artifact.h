// What `pinnate_check_artifact` found, as a value.
#pragma once

#include <pinnate/fleet.h>

#include <cstdint>
#include <string>
#include <vector>

namespace cli {

struct Finding {
  std::string word;
  bool refused;
  std::string text;
};

struct CheckedArtifact {
  std::string platform, c_library, c_library_version;
  std::uint32_t module_abi = 0, module_flags = 0;
  std::vector<Finding> findings;
};

// Throws Failure where it is no whole shared object, or cannot be read.
CheckedArtifact check_artifact(const pinnate_artifact& artifact);

}  // namespace cli
