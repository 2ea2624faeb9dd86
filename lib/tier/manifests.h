// The manifests this tier holds, by digest.
#pragma once

#include "content/manifest.h"
#include "content/record.h"
#include "wire/message.h"

#include <set>

namespace pinnate::tier {

class Manifests {
 public:
  // Keeps `bytes` if they are a manifest; returns it.
  Result<std::shared_ptr<const content::Manifest>> add(const Buffer& bytes);
  std::shared_ptr<const content::Manifest> find(const Digest& digest) const;
  // The artifact that this is a chunk of; null: there is none, or the manifest is not held.
  std::shared_ptr<const content::ArtifactEntry> artifact_of(const wire::WantChunk& chunk) const;
  Buffer bytes_of(const Digest& digest) const;  // empty when it is not held
  // An artifact of `manifest` that a held one describes otherwise under the same digest, or null.
  const content::ArtifactEntry* contradicting(const content::Manifest& manifest) const;

  std::set<Digest> artifacts_of(const std::set<Digest>& manifests) const;  // of those that are held
  void keep_only(const std::set<Digest>& wanted);
  // Records that bring a store from what it was told last to this.
  std::vector<RecordWrite> take_changes();
  // They could not be written.
  void changes_failed();
  // Says in words which records cannot be read; they are as good as absent.
  std::vector<std::string> restore(const Restored& restored);

 private:
  struct Held {
    Buffer bytes;
    std::shared_ptr<const content::Manifest> manifest;
  };
  std::map<Digest, Held> held_;
  std::set<Digest> unsaved_, unremoved_;
};

}  // namespace pinnate::tier
