#include "runtime/orders.h"

#include "content/artifact_check.h"
#include "content/chunk.h"
#include "content/sha256.h"

#include <atomic>
#include <new>
#include <utility>

namespace pinnate::runtime {
namespace {

// Verifying less than this costs less than handing it to another thread.
constexpr std::size_t kVerifiedHereBytes = 4 * 1024;
// In all of a process; more are verified on the loop's thread. Where that one reads the links of
// many engines, chunks come faster than their answers are taken, and each holds its memory.
constexpr std::size_t kChunksAway = 16;

Status verify(const tier::AcceptChunk& chunk) noexcept {
  return guarded([&] { return content::decode_chunk(chunk.encoded, chunk.plain_bytes, chunk.expected).status(); });
}

}  // namespace

// The way back to the loop's thread, from any other. Held by all work under way, so it may outlive
// the orders and the reactor.
struct Orders::WayBack {
  std::weak_ptr<Reactor> reactor;
  Orders* orders;  // null when they are gone; read on the loop's thread
};

// An answer, made ready when the order is given: once there is work under way, handing it in needs
// no memory, so that it comes whatever happens.
class Orders::Answer : public Reactor::Posted, public std::enable_shared_from_this<Answer> {
 public:
  explicit Answer(std::shared_ptr<WayBack> way_back, std::size_t chunk_bytes = 0)
      : way_back_(std::move(way_back)), chunk_bytes_(chunk_bytes) {
    if (chunk_bytes_ > 0) chunks_away_++;
  }
  Answer(std::shared_ptr<WayBack> way_back, std::function<void()> closed)
      : way_back_(std::move(way_back)), closed_(std::move(closed)) {}
  ~Answer() override {
    if (chunk_bytes_ > 0) chunks_away_--;
  }
  static std::size_t chunks_away() { return chunks_away_; }

  // Any thread; the first time counts.
  void hand_in(tier::Completion completion = {}) noexcept {
    if (handed_in_.exchange(true)) return;
    completion_ = std::move(completion);
    if (const auto reactor = way_back_->reactor.lock()) reactor->post(shared_from_this());
  }

 private:
  void run() override {
    Orders* const orders = way_back_->orders;
    if (!orders) return;
    if (closed_) return closed_();
    orders->unverified_bytes_ -= chunk_bytes_;
    if (!orders->invoked_.empty()) orders->invoked_.erase(completion_.token);
    orders->completed_(std::move(completion_));
  }

  const std::shared_ptr<WayBack> way_back_;
  const std::size_t chunk_bytes_ = 0;  // of the chunk that the work holds until then
  const std::function<void()> closed_;  // what is called instead of completing an order
  std::atomic<bool> handed_in_{false};
  tier::Completion completion_;

  inline static std::atomic<std::size_t> chunks_away_{0};
};

Orders::Orders(Completed completed, std::shared_ptr<Reactor> reactor, std::shared_ptr<Disk> disk, bool store_blocks,
               module::ServiceHost* services)
    : completed_(std::move(completed)),
      reactor_(std::move(reactor)),
      disk_(std::move(disk)),
      store_blocks_(store_blocks),
      services_(services),
      pool_(Pool::shared()),
      chunks_(std::make_shared<Strand>(pool_)),
      commits_(Pool::for_disk()),
      syncs_(Pool::for_disk()),
      way_back_(std::make_shared<WayBack>(WayBack{reactor_, this})) {}

Orders::~Orders() { way_back_->orders = nullptr; }

// ---- disk ----

// `work` is for Disk::use; until it is done it holds a chunk of that many bytes.
template <typename Work>
void Orders::on_disk(Strand& strand, tier::Token token, Work work, std::size_t chunk_bytes) {
  if (!store_blocks_) return completed_(disk_->use(token, work));
  strand.submit([=, disk = disk_, answer = std::make_shared<Answer>(way_back_, chunk_bytes), work = std::move(work)] {
    answer->hand_in(disk->use(token, work));
  });
  unverified_bytes_ += chunk_bytes;  // taken off by the answer, on this thread
}

void Orders::carry_out(tier::Commit& order) {
  if (!store_blocks_) return completed_(disk_->commit(order));
  auto answer = [answer = std::make_shared<Answer>(way_back_)](tier::Completion done) {
    answer->hand_in(std::move(done));
  };
  const auto waiting = std::make_shared<Disk::Waiting>(Disk::Waiting{std::move(order), std::move(answer)});
  disk_->add(waiting);
  try {
    commits_.submit([disk = disk_] { disk->commit_waiting(); });
  } catch (const std::bad_alloc&) {
    if (disk_->remove(waiting)) throw;
  }
}

void Orders::carry_out(tier::ReadChunk& order) {
  on_disk(*chunks_, order.token, [order](store::Store& store, tier::Completion& done) {
    return Disk::read(store, order.artifact, order.index, &done);
  });
}

void Orders::carry_out(tier::SyncArtifact& order) {
  on_disk(syncs_, order.token, [order = std::move(order)](store::Store& store, tier::Completion& done) {
    const auto read = [&](std::uint32_t index) { return store.read_chunk(order.artifact, index); };
    const Status checked = order.check ? content::check_artifact(*order.check, read, &done.chunks) : Status();
    return checked.ok() ? store.sync_artifact(order.artifact) : checked;
  });
}

void Orders::carry_out(tier::DropArtifact& order) {
  tell(&module::ServiceHost::drop_artifact, order.artifact);
  const auto drop = [disk = disk_, order] {
    disk->use(0, [&](store::Store& store, tier::Completion&) { return store.drop_artifact(order.artifact); });
  };
  if (!store_blocks_) return drop();
  chunks_->submit(drop);
}

void Orders::carry_out(tier::AcceptChunk& order) {
  const auto chunk = std::make_shared<const tier::AcceptChunk>(std::move(order));
  const std::size_t bytes = chunk->encoded.size();
  const auto keep = [chunk](store::Store& store, tier::Completion&) {
    return store.write_chunk(chunk->artifact, chunk->index, chunk->encoded);
  };
  if (chunk->verified || (!store_blocks_ && bytes <= kVerifiedHereBytes) || Answer::chunks_away() >= kChunksAway) {
    Status verified = chunk->verified ? Status() : verify(*chunk);
    if (verified.ok() && chunk->keep) return on_disk(*chunks_, chunk->token, keep, bytes);
    return completed_({chunk->token, std::move(verified), {}, {}});
  }

  // Hashing and inflating go on side by side; only what follows needs the disk, in turn.
  pool_->submit([=, disk = disk_, answer = std::make_shared<Answer>(way_back_, bytes), ours = std::weak_ptr(chunks_),
                 blocks = store_blocks_] {
    Status verified = verify(*chunk);
    if (!verified.ok() || !chunk->keep) return answer->hand_in({chunk->token, std::move(verified), {}, {}});
    const auto write = [=] { answer->hand_in(disk->use(chunk->token, keep)); };
    if (!blocks) return write();
    const auto strand = ours.lock();  // else the node has closed, and nobody waits for this
    try {
      if (strand) strand->submit(write);
    } catch (const std::bad_alloc&) {
      answer->hand_in({chunk->token, no_memory(), {}, {}});
    }
  });
  unverified_bytes_ += bytes;  // taken off by the answer, on this thread
}

void Orders::close_disk(std::function<void()> closed) {
  // The last of the three, by when all is done that was ordered.
  const auto close = [disk = disk_, answer = std::make_shared<Answer>(way_back_, std::move(closed)),
                      strands = std::make_shared<std::atomic<int>>(3)] {
    if (--*strands > 0) return;
    disk->close();
    answer->hand_in();
  };
  for (Strand* strand : {chunks_.get(), &syncs_, &commits_}) strand->submit(close);
}

// ---- modules ----

module::Done Orders::answer(tier::Token token) {
  return [answer = std::make_shared<Answer>(way_back_), token](module::Outcome outcome) {
    answer->hand_in({token, std::move(outcome.status), std::move(outcome.bytes), std::move(outcome.bad_chunks),
                     std::move(outcome.notices), std::move(outcome.kept), outcome.one_at_a_time});
  };
}

bool Orders::has_services(tier::Token token) {
  if (!services_) completed_({token, {PINNATE_INTERNAL, "this tier runs no modules"}, {}, {}});
  return services_ != nullptr;
}

void Orders::ask(tier::Token token, tier::ServiceId service, Ask what) {
  if (has_services(token)) (services_->*what)(service, answer(token));
}

void Orders::carry_out(tier::Assemble& order) {
  if (!has_services(order.token)) return;
  module::LoadOrder load;
  load.service = order.service;
  load.name = std::move(order.name);
  load.version = std::move(order.version);
  load.loader = std::move(order.loader);
  load.artifact = order.artifact.digest;
  load.allowed = std::move(order.allowed);
  load.config = std::move(order.config);
  load.call_limit_ms = order.call_limit_ms;
  // Not the artifact's own digest, which is what its publisher says: the chunks are what is
  // verified.
  const std::vector<Digest>& chunks = order.artifact.chunks;
  load.image.content = content::sha256({reinterpret_cast<const char*>(chunks.data()), chunks.size() * sizeof(Digest)});
  load.image.size_bytes = order.artifact.size_bytes;
  load.image.chunk_count = static_cast<std::uint32_t>(chunks.size());
  load.image.read_chunk = [disk = disk_,
                           artifact = std::make_shared<const content::ArtifactEntry>(std::move(order.artifact))](
                              std::uint32_t index) { return disk->plain_chunk(*artifact, index); };
  services_->assemble(std::move(load), answer(order.token));
}

void Orders::carry_out(tier::Load& order) {
  if (has_services(order.token)) services_->load(order.service, order.limit_ms, answer(order.token));
}

void Orders::carry_out(tier::Abandon& order) {
  if (services_) services_->abandon(order.service, order.gone ? answer(order.gone) : module::Done());
}

void Orders::carry_out(tier::Invoke& order) {
  if (!has_services(order.token)) return;
  module::Inline inlined = services_->run_inline(order.function, order.payload, order.timeout_ms, order.headers);
  if (inlined.unanswered) {
    invoked_[order.token] = services_->await(inlined.unanswered, answer(order.token));
    return;
  }
  if (inlined.ran) {
    module::Outcome& outcome = inlined.outcome;
    if (!inlined.notice.empty()) outcome.notices.push_back(std::move(inlined.notice));
    return completed_({order.token, std::move(outcome.status), std::move(outcome.bytes), {}, std::move(outcome.notices)});
  }
  invoked_[order.token] = services_->invoke(order.function, std::move(order.payload), order.timeout_ms,
                                            answer(order.token), std::move(order.headers));
}

void Orders::carry_out(tier::GiveUp& order) {
  if (const auto invoked = invoked_.extract(order.token)) services_->give_up(invoked.mapped());
}

void Orders::close_services(std::uint32_t limit_ms, std::function<void()> closed) {
  const auto answer = std::make_shared<Answer>(way_back_, std::move(closed));
  if (!services_) return answer->hand_in();
  services_->close(limit_ms, [answer] { answer->hand_in(); });
}

}  // namespace pinnate::runtime
