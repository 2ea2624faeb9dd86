// What runs on the engines of a fleet for tests: services of the host's own loaders, and for all
// other kinds a service that answers with its name and version.
#pragma once

#include "capi/testing_replies.h"
#include "module/loading/image.h"
#include "module/loading/loaders.h"
#include "sim/outside.h"
#include "sim/world.h"

#include <map>
#include <memory>
#include <set>
#include <string>

namespace pinnate::capi {

class TestingLoader final : public sim::OutsideLoader {
 public:
  // Neither is used before the first load, and both outlive it.
  TestingLoader(const sim::World& world, std::shared_ptr<TestingReplies> replies)
      : world_(world), replies_(std::move(replies)) {}

  Status add(const pinnate_loader& loader);  // checks it
  // The plain bytes of an artifact, before any engine can load it.
  void keep(const Digest& artifact, const Buffer& bytes) { artifacts_[artifact].bytes = bytes; }

  Result<std::unique_ptr<sim::OutsideModule>> load(sim::MachineId engine, const tier::Assemble& of) override;

 private:
  struct Artifact {
    Buffer bytes;
    std::shared_ptr<const module::Image> image;  // once a loader of the host's asks for it
  };
  Result<std::shared_ptr<const module::Image>> image_of(const Digest& artifact, const std::string& label);

  const sim::World& world_;
  const std::shared_ptr<TestingReplies> replies_;
  module::Loaders loaders_;
  std::set<std::string> kinds_;  // those of the host: `loaders_` has a native one of its own
  std::map<Digest, Artifact> artifacts_;
  std::uint64_t last_service_ = 0;
};

}  // namespace pinnate::capi
