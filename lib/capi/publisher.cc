#include "capi/publisher.h"

#include "content/chunk.h"
#include "content/sha256.h"

#include <algorithm>
#include <exception>
#include <limits>
#include <utility>

namespace pinnate::capi {
namespace {

// As many as the pool has threads: more would only wait there, before the work of stores.
constexpr std::size_t kEncodings = 2;

// On the pool.
wire::ChunkBytes encode(const PublishOrder& order, const wire::WantChunk& want) {
  wire::ChunkBytes answer;
  answer.manifest = want.manifest;
  answer.artifact = want.artifact;
  answer.index = want.index;
  const Source& source = order.artifacts[want.artifact].source;
  const std::uint64_t offset = std::uint64_t(want.index) * kChunkBytes;
  std::string room;
  const auto plain = source.read(offset, std::min<std::uint64_t>(kChunkBytes, source.size_bytes() - offset), &room);
  if (plain.ok()) {
    answer.encoded = content::encode_chunk(*plain);
  } else {
    answer.code = plain.status().code();
    answer.reason = plain.status().message();
  }
  return answer;
}

wire::ChunkBytes refusal(const wire::WantChunk& want, Code code, std::string reason) {
  wire::ChunkBytes answer;
  answer.manifest = want.manifest;
  answer.artifact = want.artifact;
  answer.index = want.index;
  answer.code = code;
  answer.reason = std::move(reason);
  return answer;
}

}  // namespace

Publisher::Publisher(std::shared_ptr<Mailbox> mailbox, Requests* requests,
                     std::function<void(const wire::Message&)> send)
    : mailbox_(std::move(mailbox)), requests_(requests), send_(std::move(send)) {}

void Publisher::publish(PublishOrder order, Progress progress, Done done) {
  Publication publication;
  publication.order = std::make_shared<const PublishOrder>(std::move(order));
  publication.preparation = std::make_shared<Preparation>(publication.order);
  publication.progress = std::move(progress);
  publication.begun = std::chrono::steady_clock::now();
  if (!pool_) pool_ = runtime::Pool::shared();
  // The request's id is known to its own callback only after begin.
  const auto own_id = std::make_shared<std::uint64_t>(0);
  const std::uint64_t id =
      requests_->begin([this, own_id, done = std::move(done)](const Status& status, const wire::Message* message) {
        if (message) return answered(*own_id, *message, done);
        publications_.erase(*own_id);
        done(status, nullptr, 0);
        return true;
      });
  *own_id = id;
  publications_.emplace(id, std::move(publication));
  prepare(id);
}

void Publisher::prepare(std::uint64_t id) {
  submit([this, id, preparation = publications_.at(id).preparation] {
    Result<bool> all_read = false;
    try {
      all_read = preparation->step();
    } catch (const std::exception& e) {
      all_read = Status(PINNATE_NO_MEMORY, e.what());
    }
    return [this, id, all_read] { prepared(id, all_read); };
  });
}

void Publisher::prepared(std::uint64_t id, const Result<bool>& all_read) {
  const auto found = publications_.find(id);
  if (found == publications_.end()) return;  // ended meanwhile
  Publication& publication = found->second;
  if (!all_read.ok()) return requests_->end(id, all_read.status());
  if (*all_read) return send_manifest(id, &publication);
  const std::uint64_t done_bytes = publication.preparation->bytes_read() / 2;
  prepare(id);
  report(&publication, done_bytes);
}

void Publisher::send_manifest(std::uint64_t id, Publication* publication) {
  const Result<Buffer> manifest = publication->preparation->manifest();
  if (!manifest.ok()) return requests_->end(id, manifest.status());
  publication->preparation = nullptr;
  publication->manifest = content::sha256(manifest->view());
  const auto took = std::chrono::steady_clock::now() - publication->begun;
  publication->prepare_us = static_cast<std::uint32_t>(std::min<std::int64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(took).count(), std::numeric_limits<std::uint32_t>::max()));
  wire::Publish message;
  message.id = id;
  message.manifest = *manifest;
  message.selector = publication->order->selector;
  message.config = publication->order->config;
  send_(message);
  report(publication, publication->order->artifact_bytes() / 2);
}

// The last thing that is done with `publication`: the host may do anything in its callback.
void Publisher::report(Publication* publication, std::uint64_t done_bytes) {
  if (!publication->progress || done_bytes <= publication->reported_bytes) return;
  publication->reported_bytes = done_bytes;
  const Progress progress = publication->progress;
  progress(done_bytes, publication->order->artifact_bytes());
}

bool Publisher::answered(std::uint64_t id, const wire::Message& message, const Done& done) {
  const auto found = publications_.find(id);
  if (const auto* stored = std::get_if<wire::PublishProgress>(&message)) {
    if (found == publications_.end() || stored->total_bytes == 0) return false;
    const std::uint64_t total = found->second.order->artifact_bytes();
    const double share = std::min(1.0, double(stored->done_bytes) / double(stored->total_bytes));
    report(&found->second, total / 2 + static_cast<std::uint64_t>(share * double(total - total / 2)));
    return false;
  }
  std::uint32_t prepare_us = 0;
  if (found != publications_.end()) {
    prepare_us = found->second.prepare_us;
    publications_.erase(found);  // lets go of the files before the host hears of it
  }
  if (const auto* published = std::get_if<wire::Published>(&message))
    done(Status(published->code, published->reason), published, prepare_us);
  else
    done(Status(PINNATE_INTERNAL, "a publish was answered by a message of another kind"), nullptr, 0);
  return true;
}

const Publisher::Publication* Publisher::with_manifest(const Digest& manifest) const {
  for (const auto& [id, publication] : publications_)
    if (!publication.preparation && publication.manifest == manifest) return &publication;
  return nullptr;
}

void Publisher::wanted(const wire::WantChunk& want) {
  const Publication* const publication = with_manifest(want.manifest);
  if (!publication)
    return send_(refusal(want, PINNATE_NOT_FOUND, "nothing with this manifest is being published here"));
  const auto& artifacts = publication->order->artifacts;
  if (want.artifact >= artifacts.size() ||
      std::uint64_t(want.index) * kChunkBytes >= artifacts[want.artifact].source.size_bytes())
    return send_(refusal(want, PINNATE_INVALID, "the manifest has no such chunk"));
  const Want key(want.manifest, want.artifact, want.index);
  if (!wanted_.insert(key).second) return;
  queue_.push_back(key);
  encode_next();
}

void Publisher::encode_next() {
  while (encoding_ < kEncodings && !queue_.empty() && !idle_) {
    const Want key = queue_.front();
    queue_.pop_front();
    const wire::WantChunk want{std::get<0>(key), std::get<1>(key), std::get<2>(key)};
    const Publication* const publication = with_manifest(want.manifest);
    if (!publication) {
      wanted_.erase(key);  // ended meanwhile: nobody waits for it
      continue;
    }
    encoding_++;
    submit([this, key, want, order = publication->order] {
      wire::ChunkBytes answer;
      try {
        answer = encode(*order, want);
      } catch (const std::exception& e) {
        answer = refusal(want, PINNATE_NO_MEMORY, e.what());
      }
      return [this, key, answer = std::move(answer)] {
        encoding_--;
        wanted_.erase(key);
        if (idle_) return;
        send_(answer);
        encode_next();
      };
    });
  }
}

// Runs `job` on the pool, and what it returns on the loop. Jobs let no exception out.
void Publisher::submit(std::function<std::function<void()>()> job) {
  jobs_++;
  pool_->submit([this, mailbox = mailbox_, job = std::move(job)]() mutable {
    std::function<void()> finish = job();
    job = nullptr;  // what it holds is let go of before anybody hears that it has ended
    mailbox->answer([this, finish = std::move(finish)] {
      jobs_--;
      finish();
      if (idle_ && jobs_ == 0) std::exchange(idle_, nullptr)();
    });
  });
}

void Publisher::stop(std::function<void()> idle) {
  idle_ = std::move(idle);
  queue_.clear();
  publications_.clear();
  if (jobs_ == 0) std::exchange(idle_, nullptr)();
}

}  // namespace pinnate::capi
