// What a host wants published, checked and taken over: nothing in it points to the host's memory.
#pragma once

#include "base/buffer.h"
#include "base/status.h"
#include "capi/source.h"
#include "content/manifest.h"

#include <pinnate/fleet.h>

#include <cstdint>
#include <string>
#include <vector>

namespace pinnate::capi {

struct PublishOrder {
  struct Artifact {
    std::string platform;
    Source source;
  };
  std::string name, version, loader, selector;
  std::vector<Artifact> artifacts;  // by platform, as they will stand in the manifest
  content::Limits limits;
  Buffer config;

  std::uint64_t artifact_bytes() const;
};

// Opens the files and reads their first bytes, no more. Fails in words that name the field.
Result<PublishOrder> read_publish(const pinnate_publish* given);

}  // namespace pinnate::capi
