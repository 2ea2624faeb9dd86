// Finds the intact records of an artifact's file, whatever a crash or a bad disk did to the others.
#pragma once

#include "base/status.h"
#include "store/files.h"

#include <cstdint>
#include <map>
#include <string>

namespace pinnate::store {

struct RecordPlace {
  std::uint64_t offset = 0;  // of the header
  std::uint32_t length = 0;  // of the payload
};

struct ArtifactScan {
  std::map<std::uint32_t, RecordPlace> places;  // by chunk; of several records of one chunk the last
  std::uint64_t end = 0;  // of the last intact record: what follows may be cut off
};

// Reads the whole file and checks every byte of it, within 256 KiB of memory. Where a part of the disk cannot be read,
// what lies beyond it is left out, and `end` is the end of the file.
Result<ArtifactScan> scan_artifact(const Descriptor& file, const std::string& path);

}  // namespace pinnate::store
