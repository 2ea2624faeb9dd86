// Keeps on disk what a restart without a link needs beside the desired state: manifests, and the
// labels from above. What could not be written is written again after a pause that grows.
#pragma once

#include "tier/core.h"
#include "tier/manifests.h"

namespace pinnate::tier {

class SavedContext {
 public:
  struct Owner {
    std::function<void(std::vector<RecordWrite>*)> add;  // what else is to be written
    std::function<void(const Status&)> written;
  };
  SavedContext(Core* core, Manifests* manifests, Labels* inherited, Owner owner)
      : core_(core), manifests_(manifests), inherited_(inherited), owner_(std::move(owner)) {}

  void restore(const Restored& restored);
  // False: they are the same as before, or break the rules.
  bool take_labels(const Labels& inherited);
  void save();

 private:
  Core* core_;
  Manifests* manifests_;
  Labels* inherited_;
  Owner owner_;
  bool saving_ = false, labels_unsaved_ = false;
  Backoff backoff_{1000, 30000};
  Alarm again_;
};

}  // namespace pinnate::tier
