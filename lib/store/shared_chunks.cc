#include "store/shared_chunks.h"

#include <map>
#include <mutex>
#include <utility>

namespace pinnate::store {
namespace {

using Key = std::pair<Digest, std::uint32_t>;

// Never destroyed: stores may outlive static objects.
struct Held {
  std::mutex mutex;
  std::map<Key, std::weak_ptr<const Buffer>> chunks;
  std::size_t sweep_at = 64;

  static Held& get() {
    static Held& held = *new Held;
    return held;
  }

  // Names of chunks that nobody holds any longer take less memory than those that somebody does.
  void sweep() {
    if (chunks.size() < sweep_at) return;
    std::erase_if(chunks, [](const auto& entry) { return entry.second.expired(); });
    sweep_at = 2 * chunks.size() + 64;
  }
};

}  // namespace

std::shared_ptr<const Buffer> shared_chunk(const Digest& artifact, std::uint32_t index, const Buffer& encoded) {
  Held& held = Held::get();
  std::unique_lock lock(held.mutex);
  held.sweep();
  auto& place = held.chunks[{artifact, index}];
  auto known = place.lock();
  if (!known) {
    auto own = std::make_shared<const Buffer>(encoded);
    place = own;
    return own;
  }
  lock.unlock();
  return *known == encoded ? known : std::make_shared<const Buffer>(encoded);  // another encoding of the same bytes
}

}  // namespace pinnate::store
