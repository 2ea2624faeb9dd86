#include "runtime/disk.h"

#include "content/artifact_check.h"
#include "content/chunk.h"

#include <exception>
#include <new>
#include <utility>

namespace pinnate::runtime {
namespace {

Status closed() { return {PINNATE_CLOSED, "the store is closed"}; }

// Within a catch block.
Status status_of_exception() noexcept {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return {PINNATE_NO_MEMORY, {}};
  } catch (const std::exception& e) {
    try {
      return {PINNATE_INTERNAL, std::string("the store failed: ") + e.what()};
    } catch (...) {
      return {PINNATE_NO_MEMORY, {}};
    }
  } catch (...) {
    return {PINNATE_INTERNAL, {}};
  }
}

}  // namespace

template <typename Work>
tier::Completion Disk::guarded(tier::Token token, Work&& work) noexcept {
  tier::Completion done;
  done.token = token;
  try {
    std::shared_lock lock(mutex_);
    done.status = store_ ? work(&done.bytes) : closed();
  } catch (...) {
    done.status = status_of_exception();
  }
  return done;
}

tier::Completion Disk::commit(tier::Token token, const std::vector<RecordWrite>& writes) noexcept {
  return guarded(token, [&](Buffer*) { return store_->commit(writes); });
}

tier::Completion Disk::read(tier::Token token, const Digest& artifact, std::uint32_t index) noexcept {
  return guarded(token, [&](Buffer* bytes) {
    Result<Buffer> chunk = store_->read_chunk(artifact, index);
    if (chunk.ok()) *bytes = std::move(*chunk);
    return chunk.status();
  });
}

tier::Completion Disk::write(tier::Token token, const Digest& artifact, std::uint32_t index,
                             const Buffer& encoded) noexcept {
  return guarded(token, [&](Buffer*) { return store_->write_chunk(artifact, index, encoded); });
}

tier::Completion Disk::sync(const tier::SyncArtifact& order) noexcept {
  std::vector<std::uint32_t> bad;
  tier::Completion done = guarded(order.token, [&](Buffer*) {
    const auto read = [&](std::uint32_t index) { return store_->read_chunk(order.artifact, index); };
    const Status checked = order.check ? content::check_artifact(*order.check, read, &bad) : Status();
    return checked.ok() ? store_->sync_artifact(order.artifact) : checked;
  });
  done.chunks = std::move(bad);
  return done;
}

void Disk::drop(const Digest& artifact) noexcept {
  guarded(0, [&](Buffer*) { return store_->drop_artifact(artifact); });
}

Result<Buffer> Disk::plain_chunk(const content::ArtifactEntry& artifact, std::uint32_t index) noexcept {
  try {
    if (index >= artifact.chunks.size()) return {PINNATE_INTERNAL, "no chunk " + std::to_string(index)};
    const tier::Completion read_out = read(0, artifact.digest, index);
    if (!read_out.status.ok()) return read_out.status;
    if (in_memory_) return content::decode_verified_chunk(read_out.bytes, artifact.chunk_bytes(index));
    return content::decode_chunk(read_out.bytes, artifact.chunk_bytes(index), artifact.chunks[index]);
  } catch (...) {
    return status_of_exception();
  }
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
    together = guarded(0, [&](Buffer*) {
      std::vector<RecordWrite> writes;
      for (const auto& each : all) writes.insert(writes.end(), each->order_.writes.begin(), each->order_.writes.end());
      return store_->commit(writes);
    });
  // One that does not fit must not keep back those that came with it.
  const Code why = together.status.code();
  const bool apart = all.size() == 1 || why == PINNATE_INVALID || why == PINNATE_TOO_LARGE || why == PINNATE_NO_SPACE ||
                     why == PINNATE_NO_MEMORY;
  for (const auto& each : all) {
    tier::Completion done = apart ? commit(each->order_.token, each->order_.writes) : together;
    done.token = each->order_.token;
    each->done_(std::move(done));
  }
}

Status verify(const tier::AcceptChunk& order) noexcept {
  try {
    return content::decode_chunk(order.encoded, order.plain_bytes, order.expected).status();
  } catch (...) {
    return status_of_exception();
  }
}

}  // namespace pinnate::runtime
