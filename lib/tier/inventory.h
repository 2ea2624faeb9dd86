// Which chunks this tier holds, and which artifacts to give up when there are too many.
#pragma once

#include "tier/core.h"

#include <set>

namespace pinnate::tier {

class Inventory {
 public:
  explicit Inventory(Core* core) : core_(core) {}

  void restore(const Restored& restored);
  bool has(const Digest& artifact, std::uint32_t index) const;
  bool whole(const content::ArtifactEntry& artifact) const;
  std::uint64_t held_chunks(const Digest& artifact) const;
  void add(const Digest& artifact, std::uint32_t index, std::size_t stored_bytes);
  void lost(const Digest& artifact, std::uint32_t index);  // what the store said it cannot read
  // What it could not read this time: still held, but taken anew where it is offered.
  void doubt(const Digest& artifact, std::uint32_t index);
  void read_well(const Digest& artifact, std::uint32_t index);
  bool doubts(const Digest& artifact, std::uint32_t index) const;
  bool doubts_any(const Digest& artifact) const;

  // Gives up artifacts not in `needed`, the longest unused first, until the rest fits. Returns by
  // how much `needed` alone is over the limit.
  std::uint64_t trim(const std::set<Digest>& needed, std::uint64_t limit_bytes);
  void touch(const Digest& artifact);

 private:
  struct Held {
    std::vector<std::uint32_t> sizes;  // stored bytes by index; 0: not held
    std::set<std::uint32_t> doubtful;  // of those that are held
    std::uint64_t bytes = 0;
    std::uint64_t chunks = 0;
    std::int64_t used_ms = 0;
  };
  const Held* find(const Digest& artifact) const;

  Core* core_;
  std::map<Digest, Held> held_;
  std::uint64_t total_bytes_ = 0;
};

}  // namespace pinnate::tier
