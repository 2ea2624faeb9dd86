#include "runtime/disk.h"

#include "content/chunk.h"

namespace pinnate::runtime {

tier::Completion Disk::commit(const tier::Commit& order) noexcept {
  return use(order.token, [&](store::Store& store, tier::Completion&) { return store.commit(order.writes); });
}

Status Disk::read(store::Store& store, const Digest& artifact, std::uint32_t index, tier::Completion* done) {
  Result<Buffer> chunk = store.read_chunk(artifact, index);
  if (chunk.ok()) done->bytes = std::move(*chunk);
  return chunk.status();
}

Result<Buffer> Disk::plain_chunk(const content::ArtifactEntry& artifact, std::uint32_t index) noexcept {
  return guarded([&]() -> Result<Buffer> {
    if (index >= artifact.chunks.size()) return {PINNATE_INTERNAL, "no chunk " + std::to_string(index)};
    const tier::Completion encoded =
        use(0, [&](store::Store& store, tier::Completion& done) { return read(store, artifact.digest, index, &done); });
    if (!encoded.status.ok()) return encoded.status;
    if (in_memory_) return content::decode_verified_chunk(encoded.bytes, artifact.chunk_bytes(index));
    return content::decode_chunk(encoded.bytes, artifact.chunk_bytes(index), artifact.chunks[index]);
  });
}

void Disk::close() {
  std::unique_ptr<store::Store> store;
  std::lock_guard lock(mutex_);
  store.swap(store_);
}

void Disk::add(std::shared_ptr<Waiting> commit) {
  std::lock_guard lock(waiting_mutex_);
  waiting_.push_back(std::move(commit));
}

bool Disk::remove(const std::shared_ptr<Waiting>& commit) {
  std::lock_guard lock(waiting_mutex_);
  return std::erase(waiting_, commit) > 0;
}

void Disk::commit_waiting() noexcept {
  std::vector<std::shared_ptr<Waiting>> all;
  {
    std::lock_guard lock(waiting_mutex_);
    all.swap(waiting_);
  }
  tier::Completion together;
  if (all.size() > 1)
    together = use(0, [&](store::Store& store, tier::Completion&) {
      std::vector<RecordWrite> writes;
      for (const auto& each : all) writes.insert(writes.end(), each->order.writes.begin(), each->order.writes.end());
      return store.commit(writes);
    });
  // One that does not fit must not keep back those that came with it.
  const Code why = together.status.code();
  const bool apart = all.size() == 1 || why == PINNATE_INVALID || why == PINNATE_TOO_LARGE || why == PINNATE_NO_SPACE ||
                     why == PINNATE_NO_MEMORY;
  for (const auto& each : all) {
    tier::Completion done = apart ? commit(each->order) : together;
    done.token = each->order.token;
    each->done(std::move(done));
  }
}

}  // namespace pinnate::runtime
