// A node's store, shared by its strands and by a module's thread that assembles an image, which may
// be left behind. After close every answer is PINNATE_CLOSED, and the folder is free.
#pragma once

#include "content/manifest.h"
#include "runtime/guard.h"
#include "store/store.h"
#include "tier/action.h"

#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <utility>
#include <vector>

namespace pinnate::runtime {

class Disk {
 public:
  // `in_memory`: a store that gives back the very bytes it was given.
  explicit Disk(std::unique_ptr<store::Store> store, bool in_memory = false)
      : store_(std::move(store)), in_memory_(in_memory) {}

  // What comes of `work`, which takes the store and what it may fill in, and returns a status. Any
  // thread; one commit at a time, and one sync.
  template <typename Work>
  tier::Completion use(tier::Token token, Work&& work) noexcept {
    tier::Completion done{token, {}, {}, {}};
    done.status = guarded([&]() -> Status {
      std::shared_lock lock(mutex_);
      return store_ ? work(*store_, done) : Status(PINNATE_CLOSED, "the store is closed");
    });
    return done;
  }
  tier::Completion commit(const tier::Commit& order) noexcept;
  static Status read(store::Store& store, const Digest& artifact, std::uint32_t index, tier::Completion* done);
  // The plain bytes of one chunk, verified: now, or before a store in memory took them.
  Result<Buffer> plain_chunk(const content::ArtifactEntry& artifact, std::uint32_t index) noexcept;
  void close();

  // Commits that come while one is under way are written together. Each is to be followed by a call
  // of commit_waiting(), on a thread where the disk may be waited for.
  struct Waiting {
    tier::Commit order;
    std::function<void(tier::Completion)> done;
  };
  void add(std::shared_ptr<Waiting> commit);
  bool remove(const std::shared_ptr<Waiting>& commit);  // false: it is under way, or done
  void commit_waiting() noexcept;

 private:
  std::shared_mutex mutex_;  // alone: who closes
  std::unique_ptr<store::Store> store_;
  const bool in_memory_;
  std::mutex waiting_mutex_;
  std::vector<std::shared_ptr<Waiting>> waiting_;
};

}  // namespace pinnate::runtime
