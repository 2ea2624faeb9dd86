#include "tier/publisher.h"

#include "base/limits.h"
#include "content/release.h"
#include "content/sha256.h"

#include <algorithm>

namespace pinnate::tier {
namespace {

// As many as a process has threads for it: more would only wait there, before the work of stores.
constexpr std::size_t kReads = 2;

}  // namespace

void Publisher::publish(std::uint64_t id, Publication publication) {
  Running running;
  for (const std::uint64_t bytes : publication.artifact_bytes) running.total_bytes += bytes;
  running.what = std::move(publication);
  running_.emplace(id, std::move(running));
  owner_->prepare(id);
}

void Publisher::prepared(std::uint64_t id, const Status& status, std::uint64_t read_bytes, const Buffer& manifest) {
  const auto found = running_.find(id);
  if (found == running_.end()) return;  // ended meanwhile
  if (!status.ok()) return end(id, status, nullptr);
  Running& running = found->second;
  if (manifest.empty()) {
    owner_->prepare(id);
  } else {
    running.sent = true;
    running.manifest = content::sha256(manifest.view());
    wire::Publish publish{id, manifest, running.what.selector, running.what.config};
    publish.needs = running.what.needs;
    publish.allowed = running.what.allowed;
    if (!publish.allowed.empty()) publish.needs.emplace_back(content::kAllowed);
    owner_->send(publish);
  }
  report(running, read_bytes / 2);
}

// The last thing that is done with `running`: the host may do anything in its callback.
void Publisher::report(Running& running, std::uint64_t done_bytes) {
  if (!running.what.progress || done_bytes <= running.reported_bytes) return;
  running.reported_bytes = done_bytes;
  const auto progress = running.what.progress;
  progress(done_bytes, running.total_bytes);
}

bool Publisher::received(const wire::Message& message) {
  if (const auto* want = std::get_if<wire::WantChunk>(&message)) return wanted(*want), true;
  if (const auto* answer = std::get_if<wire::Published>(&message)) {
    if (!running_.contains(answer->id)) return false;
    end(answer->id, Status(answer->code, answer->reason), answer);
    return true;
  }
  const auto* stored = std::get_if<wire::PublishProgress>(&message);
  const auto found = stored ? running_.find(stored->id) : running_.end();
  if (found == running_.end()) return false;
  if (stored->total_bytes == 0) return true;
  const std::uint64_t total = found->second.total_bytes;
  const double share = std::min(1.0, double(stored->done_bytes) / double(stored->total_bytes));
  report(found->second, total / 2 + static_cast<std::uint64_t>(share * double(total - total / 2)));
  return true;
}

void Publisher::end(std::uint64_t id, const Status& status, const wire::Published* answer) {
  const auto node = running_.extract(id);
  node.mapped().what.done(status, answer);
}

std::map<std::uint64_t, Publisher::Running>::const_iterator Publisher::with_manifest(const Digest& manifest) const {
  return std::find_if(running_.begin(), running_.end(),
                      [&](const auto& each) { return each.second.sent && each.second.manifest == manifest; });
}

void Publisher::wanted(const wire::WantChunk& want) {
  const auto found = with_manifest(want.manifest);
  if (found == running_.end())
    return answer(want, {PINNATE_NOT_FOUND, "nothing with this manifest is being published here"});
  const auto& artifacts = found->second.what.artifact_bytes;
  if (want.artifact >= artifacts.size() || std::uint64_t(want.index) * kChunkBytes >= artifacts[want.artifact])
    return answer(want, {PINNATE_INVALID, "the manifest has no such chunk"});
  if (!wanted_.insert(want).second) return;
  queue_.push_back(want);
  read_next();
}

void Publisher::answer(const wire::WantChunk& want, const Status& status, const Buffer& encoded) {
  owner_->send(wire::ChunkBytes{want.manifest, want.artifact, want.index, status.code(), status.message(), encoded});
}

void Publisher::read_next() {
  while (reading_ < kReads && !queue_.empty() && !stopped_) {
    const wire::WantChunk want = queue_.front();
    queue_.pop_front();
    const auto found = with_manifest(want.manifest);
    if (found == running_.end()) {
      wanted_.erase(want);  // ended meanwhile: nobody waits for it
      continue;
    }
    reading_++;
    owner_->read_chunk(found->first, want);
  }
}

void Publisher::chunk_read(const wire::WantChunk& want, const Result<Buffer>& encoded) {
  reading_--;
  wanted_.erase(want);
  if (stopped_) return;
  answer(want, encoded.status(), encoded.ok() ? *encoded : Buffer());
  read_next();
}

bool Publisher::cancel(std::uint64_t id, const Status& why) {
  if (!running_.contains(id)) return false;
  end(id, why, nullptr);
  return true;
}

void Publisher::stop(const Status& why) {
  stopped_ = true;
  queue_.clear();
  while (!running_.empty()) end(running_.begin()->first, why, nullptr);
}

}  // namespace pinnate::tier
