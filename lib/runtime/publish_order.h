// What a host wants published: nothing in it points to the host's memory.
#pragma once

#include "base/buffer.h"
#include "content/manifest.h"
#include "runtime/artifact_source.h"

#include <string>
#include <vector>

namespace pinnate::runtime {

struct PublishOrder {
  struct Artifact {
    std::string platform;
    ArtifactSource source;
  };
  std::string name, version, loader, selector;
  std::vector<Artifact> artifacts;  // by platform, as they will stand in the manifest
  content::Limits limits;
  Buffer config;
};

}  // namespace pinnate::runtime
