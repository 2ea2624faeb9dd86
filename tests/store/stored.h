// What tests of stores write.
#pragma once

#include "base/buffer.h"
#include "content/record.h"
#include "content/sha256.h"
#include "store/store.h"

#include <memory>
#include <string>

inline const pinnate::Digest kArtifact = pinnate::content::sha256("artifact");

inline pinnate::RecordWrite put(const std::string& key, const std::string& value) {
  return {key, pinnate::Buffer(value)};
}

inline pinnate::Result<std::unique_ptr<pinnate::store::Store>> open_store(const std::string& dir,
                                                                          const std::string& kind) {
  return kind == "controller" ? pinnate::store::open_controller_store(dir)
                              : pinnate::store::open_folder_store(dir, kind);
}
