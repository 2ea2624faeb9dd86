#include "runtime/publisher_driver.h"

#include "content/chunk.h"
#include "content/manifest_builder.h"
#include "runtime/guard.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

namespace pinnate::runtime {
namespace {

// Read in one job, so that a large file keeps no thread for long.
constexpr std::uint64_t kStepBytes = 4 * 1024 * 1024;
// Of files of one node, so that their bytes are read once. Beyond that they are read again when a
// chunk is asked for, and hashed again, since they may be others then.
constexpr std::uint64_t kHeldBytes = 8 * 1024 * 1024;

content::Manifest facts_of(const PublishOrder& order) {
  content::Manifest manifest;
  manifest.name = order.name;
  manifest.version = order.version;
  manifest.loader = order.loader;
  manifest.limits = order.limits;
  for (const PublishOrder::Artifact& artifact : order.artifacts) {
    content::ArtifactEntry& entry = manifest.artifacts.emplace_back();
    entry.platform = artifact.platform;
    entry.size_bytes = artifact.source.size_bytes();
  }
  return manifest;
}

}  // namespace

// The artifacts of one publication. Prepared by one job at a time; then chunks are read by several.
class PublisherDriver::Reading {
 public:
  Reading(PublishOrder order, bool hold) : order_(std::move(order)), hold_(hold), builder_(facts_of(order_)) {}

  // The next few MiB; the manifest, when they were the last.
  Result<Buffer> prepare(std::uint64_t artifact_limit_bytes) {
    if (Status s = content::check_sizes(builder_.manifest(), artifact_limit_bytes); !s.ok()) return s;
    const std::uint64_t enough = builder_.added_bytes() + kStepBytes;
    std::string room;
    while (!builder_.complete() && builder_.added_bytes() < enough) {
      ArtifactSource& source = order_.artifacts[builder_.artifact()].source;
      if (hold_)
        if (Status s = source.hold(); !s.ok()) return s;
      const auto bytes = source.read(builder_.offset(), builder_.next_bytes(), &room);
      if (!bytes.ok()) return bytes.status();
      builder_.add(*bytes);
    }
    return builder_.complete() ? builder_.encoded() : Buffer();
  }

  std::uint64_t read_bytes() const { return builder_.added_bytes(); }

  // Encoded. What the tier of this process gets is what the manifest says: it does not look again.
  Result<Buffer> chunk(const wire::WantChunk& want) const {
    const content::ArtifactEntry& entry = builder_.manifest().artifacts[want.artifact];
    const ArtifactSource& source = order_.artifacts[want.artifact].source;
    std::string room;
    const auto plain = source.read(std::uint64_t(want.index) * kChunkBytes, entry.chunk_bytes(want.index), &room);
    if (!plain.ok()) return plain.status();
    if (source.may_change() && content::sha256(*plain) != entry.chunks[want.index]) return source.changed();
    return content::encode_chunk(*plain);
  }

  const std::chrono::steady_clock::time_point begun = std::chrono::steady_clock::now();
  std::uint32_t prepare_us = 0;  // on the loop's thread

 private:
  PublishOrder order_;
  const bool hold_;
  content::ManifestBuilder builder_;
};

PublisherDriver::PublisherDriver(Post post, std::function<void(const wire::Message&)> send)
    : post_(std::move(post)), send_(std::move(send)) {}

void PublisherDriver::publish(std::uint64_t id, PublishOrder order, Progress progress, Done done) {
  if (!pool_) pool_ = Pool::shared();
  tier::Publisher::Publication publication;
  std::uint64_t in_files = 0;
  for (const PublishOrder::Artifact& artifact : order.artifacts) {
    publication.artifact_bytes.push_back(artifact.source.size_bytes());
    if (artifact.source.may_change()) in_files += artifact.source.size_bytes();
  }
  const std::uint64_t held = held_bytes_ + in_files <= kHeldBytes ? in_files : 0;
  held_bytes_ += held;
  publication.selector = order.selector;
  publication.config = order.config;
  publication.needs = order.needs;
  publication.allowed = order.allowed;
  publication.progress = std::move(progress);
  publication.done = [this, id, held, done = std::move(done)](const Status& status, const wire::Published* answer) {
    const std::uint32_t prepare_us = readings_.at(id)->prepare_us;
    readings_.erase(id);  // lets go of the files before the host hears of it
    held_bytes_ -= held;
    done(status, answer, prepare_us);
  };
  readings_.emplace(id, std::make_shared<Reading>(std::move(order), held != 0));
  publisher_.publish(id, std::move(publication));
}

bool PublisherDriver::received(const wire::Message& message) {
  const auto* const welcome = std::get_if<wire::Welcome>(&message);
  if (!welcome) return publisher_.received(message);
  set_artifact_limit(welcome->artifact_limit_bytes ? welcome->artifact_limit_bytes : kArtifactCeilingBytes);
  return true;
}

void PublisherDriver::prepare(std::uint64_t publication) {
  submit([this, publication, reading = readings_.at(publication),
          limit_bytes = artifact_limit_bytes_]() -> std::function<void()> {
    const Result<Buffer> manifest = guarded([&] { return reading->prepare(limit_bytes); });
    const std::uint64_t read_bytes = reading->read_bytes();
    return [this, publication, manifest, read_bytes] {
      const auto found = readings_.find(publication);
      if (found == readings_.end()) return;  // ended meanwhile
      const auto took = std::chrono::steady_clock::now() - found->second->begun;
      found->second->prepare_us = static_cast<std::uint32_t>(
          std::min<std::int64_t>(std::chrono::duration_cast<std::chrono::microseconds>(took).count(),
                                 std::numeric_limits<std::uint32_t>::max()));
      publisher_.prepared(publication, manifest.status(), read_bytes, manifest.ok() ? *manifest : Buffer());
    };
  });
}

void PublisherDriver::read_chunk(std::uint64_t publication, const wire::WantChunk& want) {
  submit([this, want, reading = readings_.at(publication)]() -> std::function<void()> {
    const Result<Buffer> encoded = guarded([&] { return reading->chunk(want); });
    return [this, want, encoded] { publisher_.chunk_read(want, encoded); };
  });
}

// Runs `job` on the pool, and what it returns on the loop. Jobs let no exception out.
void PublisherDriver::submit(std::function<std::function<void()>()> job) {
  jobs_++;
  pool_->submit([this, post = post_, job = std::move(job)]() mutable {
    std::function<void()> finish = job();
    job = nullptr;  // what it holds is let go of before anybody hears that it has ended
    post([this, finish = std::move(finish)] {
      jobs_--;
      finish();
      if (idle_ && jobs_ == 0) std::exchange(idle_, nullptr)();
    });
  });
}

void PublisherDriver::stop(const Status& why, std::function<void()> idle) {
  publisher_.stop(why);
  idle_ = std::move(idle);
  if (jobs_ == 0) std::exchange(idle_, nullptr)();
}

}  // namespace pinnate::runtime
