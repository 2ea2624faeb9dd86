#include "runtime/orders.h"

#include "content/sha256.h"

#include <atomic>
#include <new>
#include <utility>

namespace pinnate::runtime {
namespace {

// Verifying less than this costs less than handing it to another thread.
constexpr std::size_t kVerifiedHereBytes = 4 * 1024;
// In all of a process. More chunks at a time are not handed over but verified on the loop's thread:
// where that one reads the links of many engines, chunks come faster than their answers are taken,
// and each that is away holds its memory.
constexpr std::size_t kChunksAway = 16;

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
    orders->owner_.completed(std::move(completion_));
  }

  const std::shared_ptr<WayBack> way_back_;
  const std::size_t chunk_bytes_ = 0;  // of the chunk that the work holds until then
  const std::function<void()> closed_;  // what is called instead of completing an order
  std::atomic<bool> handed_in_{false};
  tier::Completion completion_;

  inline static std::atomic<std::size_t> chunks_away_{0};
};

Orders::Orders(Owner& owner, std::shared_ptr<Reactor> reactor, std::shared_ptr<Disk> disk, bool store_blocks,
               module::ServiceHost* services)
    : owner_(owner),
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

// `work` takes the disk and returns a completion; until then it holds a chunk of that many bytes.
template <typename Work>
void Orders::on_disk(Strand& strand, Work work, std::size_t chunk_bytes) {
  if (!store_blocks_) return owner_.completed(work(*disk_));
  strand.submit([disk = disk_, answer = std::make_shared<Answer>(way_back_, chunk_bytes), work = std::move(work)] {
    answer->hand_in(work(*disk));
  });
  unverified_bytes_ += chunk_bytes;  // taken off by the answer, on this thread
}

void Orders::carry_out(tier::Commit& order) {
  if (!store_blocks_) return owner_.completed(disk_->commit(order.token, order.writes));
  const auto waiting = std::make_shared<Disk::Waiting>(
      std::move(order),
      [answer = std::make_shared<Answer>(way_back_)](tier::Completion done) { answer->hand_in(std::move(done)); });
  disk_->add(waiting);
  try {
    commits_.submit([disk = disk_] { disk->commit_waiting(); });
  } catch (const std::bad_alloc&) {
    if (disk_->remove(waiting)) throw;
  }
}

void Orders::carry_out(tier::ReadChunk& order) {
  on_disk(*chunks_, [order](Disk& disk) { return disk.read(order.token, order.artifact, order.index); });
}

void Orders::carry_out(tier::SyncArtifact& order) {
  on_disk(syncs_, [order = std::move(order)](Disk& disk) { return disk.sync(order); });
}

void Orders::carry_out(tier::DropArtifact& order) {
  if (!store_blocks_) return disk_->drop(order.artifact);
  chunks_->submit([disk = disk_, order] { disk->drop(order.artifact); });
}

void Orders::carry_out(tier::AcceptChunk& order) {
  const auto keep = [](Disk& disk, const tier::AcceptChunk& chunk, Status verified) {
    if (verified.ok() && chunk.keep) return disk.write(chunk.token, chunk.artifact, chunk.index, chunk.encoded);
    tier::Completion done;
    done.token = chunk.token;
    done.status = std::move(verified);
    return done;
  };
  const std::size_t bytes = order.encoded.size();
  if (order.verified || (!store_blocks_ && bytes <= kVerifiedHereBytes) || Answer::chunks_away() >= kChunksAway) {
    Status verified = order.verified ? Status() : verify(order);
    if (!verified.ok() || !order.keep) return owner_.completed(keep(*disk_, order, std::move(verified)));
    return on_disk(
        *chunks_, [keep, order = std::move(order)](Disk& disk) { return keep(disk, order, {}); }, bytes);
  }

  // Hashing and inflating go on side by side; only what follows needs the disk, in turn.
  auto shared = std::make_shared<const tier::AcceptChunk>(std::move(order));
  pool_->submit([=, disk = disk_, answer = std::make_shared<Answer>(way_back_, bytes), ours = std::weak_ptr(chunks_),
                 blocks = store_blocks_] {
    Status verified = verify(*shared);
    if (!blocks || !verified.ok() || !shared->keep) return answer->hand_in(keep(*disk, *shared, std::move(verified)));
    const auto strand = ours.lock();  // else the node has closed, and nobody waits for this
    try {
      if (strand) strand->submit([=] { answer->hand_in(keep(*disk, *shared, {})); });
    } catch (const std::bad_alloc&) {
      answer->hand_in(keep(*disk, *shared, no_memory()));
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
    tier::Completion completion;
    completion.token = token;
    completion.status = std::move(outcome.status);
    completion.bytes = std::move(outcome.bytes);
    completion.chunks = std::move(outcome.bad_chunks);
    answer->hand_in(std::move(completion));
  };
}

bool Orders::has_services(tier::Token token) {
  if (services_) return true;
  tier::Completion completion;
  completion.token = token;
  completion.status = {PINNATE_INTERNAL, "this tier runs no modules"};
  owner_.completed(std::move(completion));
  return false;
}

void Orders::carry_out(tier::Load& order) {
  if (!has_services(order.token)) return;
  module::LoadOrder load;
  load.service = order.service;
  load.name = std::move(order.name);
  load.version = std::move(order.version);
  load.loader = std::move(order.loader);
  load.artifact = order.artifact.digest;
  load.config = std::move(order.config);
  load.call_limit_ms = order.call_limit_ms;
  load.limit_ms = order.limit_ms;
  // Not the artifact's own digest, which is what its publisher says: the chunks are what is
  // verified.
  const std::vector<Digest>& chunks = order.artifact.chunks;
  load.image.content = content::sha256({reinterpret_cast<const char*>(chunks.data()), chunks.size() * sizeof(Digest)});
  load.image.size_bytes = order.artifact.size_bytes;
  load.image.chunk_count = static_cast<std::uint32_t>(chunks.size());
  load.image.read_chunk = [disk = disk_,
                           artifact = std::make_shared<const content::ArtifactEntry>(std::move(order.artifact))](
                              std::uint32_t index) { return disk->plain_chunk(*artifact, index); };
  services_->load(std::move(load), answer(order.token));
}

void Orders::carry_out(tier::Create& order) {
  if (has_services(order.token)) services_->create(order.service, answer(order.token));
}
void Orders::carry_out(tier::CheckHealth& order) {
  if (has_services(order.token)) services_->check_health(order.service, answer(order.token));
}
void Orders::carry_out(tier::Drain& order) {
  if (has_services(order.token)) services_->drain(order.service, answer(order.token));
}
void Orders::carry_out(tier::Destroy& order) {
  if (has_services(order.token)) services_->destroy(order.service, answer(order.token));
}
void Orders::carry_out(tier::Invoke& order) {
  if (has_services(order.token))
    services_->invoke(order.function, std::move(order.payload), order.timeout_ms, answer(order.token));
}
void Orders::carry_out(tier::Activate& order) {
  if (services_) services_->activate(order.function, order.service);
}
void Orders::carry_out(tier::Deactivate& order) {
  if (services_) services_->deactivate(order.function);
}
void Orders::carry_out(tier::Abandon& order) {
  if (services_) services_->abandon(order.service);
}
void Orders::carry_out(tier::Trust& order) {
  if (services_) services_->trust(order.service);
}
void Orders::close_services(std::uint32_t limit_ms, std::function<void()> closed) {
  const auto answer = std::make_shared<Answer>(way_back_, std::move(closed));
  if (!services_) return answer->hand_in();
  services_->close(limit_ms, [answer] { answer->hand_in(); });
}

}  // namespace pinnate::runtime
