// A node's store, shared by the threads that use it: its strand, and a module thread that assembles an image and may
// be left behind when the node closes. One at a time; after close every answer is PINNATE_CLOSED, and the folder is
// free.
#pragma once

#include "store/store.h"
#include "tier/action.h"

#include <memory>
#include <mutex>
#include <vector>

namespace pinnate::runtime {

class Disk {
 public:
  // `in_memory`: a store that gives back the very bytes it was given.
  explicit Disk(std::unique_ptr<store::Store> store, bool in_memory = false)
      : store_(std::move(store)), in_memory_(in_memory) {}

  Result<Restored> restore();
  // Each carries out the order of its name and says how it ended. None throws.
  tier::Completion commit(tier::Token token, const std::vector<RecordWrite>& writes) noexcept;
  tier::Completion read(tier::Token token, const Digest& artifact, std::uint32_t index) noexcept;
  tier::Completion write(tier::Token token, const Digest& artifact, std::uint32_t index,
                         const Buffer& encoded) noexcept;
  tier::Completion sync(tier::Token token, const Digest& artifact) noexcept;
  void drop(const Digest& artifact) noexcept;
  // The plain bytes of one chunk of an artifact, verified: now, or before they were written to a store in memory.
  Result<Buffer> plain_chunk(const content::ArtifactEntry& artifact, std::uint32_t index) noexcept;
  void close();

 private:
  template <typename Work>
  tier::Completion guarded(tier::Token token, Work&& work) noexcept;

  std::mutex mutex_;
  std::unique_ptr<store::Store> store_;
  const bool in_memory_;
};

// The part of AcceptChunk that needs no disk: PINNATE_CORRUPT, or OK.
Status verify(const tier::AcceptChunk& order) noexcept;

}  // namespace pinnate::runtime
