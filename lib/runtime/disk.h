// A node's store, shared by the threads that use it: its strands, and a module thread that assembles an
// image and may be left behind when the node closes. After close every answer is PINNATE_CLOSED, and
// the folder is free.
#pragma once

#include "store/store.h"
#include "tier/action.h"

#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <vector>

namespace pinnate::runtime {

class Disk {
 public:
  // `in_memory`: a store that gives back the very bytes it was given.
  explicit Disk(std::unique_ptr<store::Store> store, bool in_memory = false)
      : store_(std::move(store)), in_memory_(in_memory) {}

  // Each carries out the order of its name and says how it ended. None throws. Any thread; one commit at
  // a time, and one sync.
  tier::Completion commit(tier::Token token, const std::vector<RecordWrite>& writes) noexcept;
  tier::Completion read(tier::Token token, const Digest& artifact, std::uint32_t index) noexcept;
  tier::Completion write(tier::Token token, const Digest& artifact, std::uint32_t index,
                         const Buffer& encoded) noexcept;
  tier::Completion sync(const tier::SyncArtifact& order) noexcept;
  void drop(const Digest& artifact) noexcept;
  // The plain bytes of one chunk of an artifact, verified: now, or before they were written to a store in memory.
  Result<Buffer> plain_chunk(const content::ArtifactEntry& artifact, std::uint32_t index) noexcept;
  void close();

  // Commits that come while one is under way are written together. Each is to be followed by a call of
  // commit_waiting(), on a thread where the disk may be waited for.
  class Waiting {
   public:
    Waiting(tier::Commit order, std::function<void(tier::Completion)> done)
        : order_(std::move(order)), done_(std::move(done)) {}

   private:
    friend class Disk;
    tier::Commit order_;
    std::function<void(tier::Completion)> done_;
  };
  void add(std::shared_ptr<Waiting> commit);
  bool remove(const std::shared_ptr<Waiting>& commit);  // false: it is under way, or done
  void commit_waiting() noexcept;

 private:
  template <typename Work>
  tier::Completion guarded(tier::Token token, Work&& work) noexcept;

  std::shared_mutex mutex_;  // alone: who closes
  std::unique_ptr<store::Store> store_;
  const bool in_memory_;
  std::mutex waiting_mutex_;
  std::vector<std::shared_ptr<Waiting>> waiting_;
};

// The part of AcceptChunk that needs no disk: PINNATE_CORRUPT, or OK.
Status verify(const tier::AcceptChunk& order) noexcept;

}  // namespace pinnate::runtime
