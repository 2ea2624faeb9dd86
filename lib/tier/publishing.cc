#include "tier/publishing.h"

#include "base/plant.h"

#include <algorithm>

namespace pinnate::tier {
namespace {
constexpr std::int64_t kProgressIntervalMs = 50;
constexpr std::int64_t kSilenceLimitMs = 120000;
// One client may have all publishes at once: their chunks must fit what may wait on its link.
constexpr std::size_t kWindow = 6;
}  // namespace

Publishing::Publishing(Core* core, Manifests* manifests, Inventory* inventory, LinkId link, std::string publisher,
                       wire::Publish publish, Digest manifest, std::function<void(Publishing&, const Status&)> done)
    : core_(core),
      manifests_(manifests),
      inventory_(inventory),
      link_(link),
      publisher_(std::move(publisher)),
      publish_(std::move(publish)),
      manifest_(manifest),
      done_(std::move(done)),
      fetcher_(core, manifests, inventory,
               {[core](const std::string&, const std::string& what) { core->log(PINNATE_LOG_WARNING, what); },
                [this](const Digest&, const Status& why) { not_kept_ = why; },
                {},
                {},
                false,
                kWindow}) {}

Publishing::~Publishing() {
  if (sync_ != 0) core_->forget_order(sync_);
}

void Publishing::begin() {
  begun_ = true;
  const auto manifest = manifests_->find(manifest_);
  std::vector<wire::WantChunk> wanted;
  std::set<Digest> seen;  // two platforms may share their bytes
  for (std::uint32_t a = 0; a < manifest->artifacts.size(); a++) {
    const auto& artifact = manifest->artifacts[a];
    total_bytes_ += artifact.size_bytes;
    if (!seen.insert(artifact.digest).second) continue;
    for (std::uint32_t i = 0; i < artifact.chunks.size(); i++) {
      if (inventory_->has(artifact.digest, i) && !inventory_->doubts(artifact.digest, i))
        done_bytes_ += artifact.chunk_bytes(i);
      else
        wanted.push_back({manifest_, a, i});
    }
  }
  missing_ = wanted.size();
  fetcher_.source_up(link_, publisher_);
  if (missing_ == 0) {
    whole_ms_ = core_->now().monotonic_ms;
    return sync_next();
  }
  wait_for_more();
  for (const wire::WantChunk& chunk : wanted) {
    const std::size_t bytes = manifest->artifacts[chunk.artifact].chunk_bytes(chunk.index);
    fetcher_.want_chunk(chunk, [this, bytes](const Status& status, const Buffer&) { arrived(status, bytes); });
  }
}

void Publishing::arrived(const Status& status, std::size_t bytes) {
  if (finished_) return;
  // The controller is where bytes must be kept: what cannot be written ends the publish.
  if (!not_kept_.ok()) return finish(not_kept_);
  if (!status.ok()) return finish(status);
  done_bytes_ += bytes;
  const std::int64_t now = core_->now().monotonic_ms;
  if (now - told_ms_ >= kProgressIntervalMs || missing_ == 1) {
    told_ms_ = now;
    core_->send(link_, wire::PublishProgress{publish_.id, std::min(done_bytes_, total_bytes_), total_bytes_});
  }
  if (--missing_ > 0) return wait_for_more();
  silence_.cancel();
  whole_ms_ = now;
  sync_next();
}

// A publisher that lives and sends nothing must not hold a place for ever.
void Publishing::wait_for_more() {
  silence_ = core_->alarm_in(kSilenceLimitMs, [this] {
    finish({PINNATE_TIMEOUT,
            "the publisher has sent nothing of its artifact for " + std::to_string(kSilenceLimitMs / 1000) + " s"});
  });
}

void Publishing::sync_next() {
  const auto manifest = manifests_->find(manifest_);
  if (synced_ == manifest->artifacts.size() || PINNATE_PLANT(artifact_not_synced)) return finish({});
  sync_ = core_->order([this](Completion& c) {
    sync_ = 0;
    if (!c.chunks.empty() && !std::exchange(mended_, true)) return pull_again(c.chunks);
    if (!c.status.ok()) return finish(c.status);
    synced_++;
    sync_next();
  });
  // Here the artifact is whole for the first time: nobody below needs to check it again.
  const content::ArtifactEntry& artifact = manifest->artifacts[synced_];
  core_->act(SyncArtifact{sync_, artifact.digest, artifact});
}

// They were held from before, and the disk has damaged them since.
void Publishing::pull_again(const std::vector<std::uint32_t>& chunks) {
  const content::ArtifactEntry artifact = manifests_->find(manifest_)->artifacts[synced_];
  whole_ms_ = 0;
  missing_ = chunks.size();
  wait_for_more();
  for (const std::uint32_t index : chunks) {
    inventory_->lost(artifact.digest, index);
    fetcher_.want_chunk({manifest_, static_cast<std::uint32_t>(synced_), index},
                        [this](const Status& status, const Buffer&) { arrived(status, 0); });
  }
}

void Publishing::finish(const Status& status) {
  if (std::exchange(finished_, true)) return;
  silence_.cancel();
  // Deferred, so that `done` may destroy this while the fetcher is still on the stack.
  ending_ = core_->alarm_in(0, [this, status] {
    const auto done = done_;  // it may destroy this
    done(*this, status);
  });
}

}  // namespace pinnate::tier
