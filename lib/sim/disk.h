// The disk of one simulated host: records, and chunks that are written before they are synced.
// Commits, syncs and chunks are three rows of orders beside each other. A crash loses what has not
// happened yet, and a loss of power what was not synced.
#pragma once

#include "base/buffer.h"
#include "base/digest.h"
#include "base/random.h"
#include "content/record.h"
#include "sim/chunk_verifier.h"
#include "sim/event_queue.h"
#include "tier/action.h"

#include <array>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace pinnate::sim {

struct DiskTimes {
  Micros commit = 2 * kMillisecond, read = 100, accept = 150, sync = 3 * kMillisecond;
};

// A copy of all that a disk holds: a backup.
struct DiskImage {
  struct Chunk {
    std::uint32_t index;
    bool synced;
    bool damaged;  // in a way that the store notices when it reads the chunk
    Buffer encoded;
  };
  struct Artifact {
    Digest digest;
    std::vector<Chunk> chunks;  // by index
  };
  std::map<std::string, Buffer> records;
  std::vector<Artifact> artifacts;  // few
};

class Disk {
 public:
  using Order = std::variant<tier::Commit, tier::ReadChunk, tier::AcceptChunk, tier::SyncArtifact, tier::DropArtifact>;

  // `keeps`: false for tiers without a folder, whose disk is empty in every life.
  Disk(bool keeps, const DiskTimes& times, EventQueue& queue, Random& random, ChunkVerifier& verifier)
      : keeps_(keeps), times_(times), queue_(queue), random_(random), verifier_(verifier) {}

  // What a tier is started with.
  Restored restore() const;
  void submit(Order order, std::function<void(tier::Completion)> done);
  // The life ends: orders under way are done in part, or not at all, and nobody hears of them.
  // `unanswered` gets the tokens of those that were never answered.
  void crash(bool power_lost, std::vector<tier::Token>* unanswered);

  // ---- faults ----
  void set_full(bool full) { full_ = full; }
  // The next orders that want an answer fail so; come so much later; are done but never answered.
  void fail_next(std::uint32_t count, Code code) { fail_ = count, fail_code_ = code; }
  void delay_next(std::uint32_t count, Micros by) { delay_ = count, delay_by_ = by; }
  void lose_next(std::uint32_t count) { lose_ = count; }

  // ---- the truth ----
  struct FaultsSeen {
    std::uint64_t failed = 0, delayed = 0, full = 0;
  };
  const FaultsSeen& faults_seen() const { return seen_; }
  bool will_misbehave() const { return full_ || fail_ > 0 || delay_ > 0 || lose_ > 0; }
  const DiskImage& image() const { return held_; }
  void put_back(DiskImage image) { held_ = std::move(image); }
  const Buffer* chunk(const Digest& artifact, std::uint32_t index) const;
  bool dropping(const Digest& artifact) const;  // an order to give it up is under way
  std::size_t orders_under_way() const { return under_way_.size(); }
  std::uint64_t commits() const { return commits_; }

 private:
  struct UnderWay {
    std::uint64_t number;
    Order order;
    std::function<void(tier::Completion)> done;
    Code fails = PINNATE_OK;
    bool lost = false;
  };
  void finish(std::uint64_t number, std::uint32_t life);
  tier::Completion carry_out(Order& order, Code fails);
  Micros time_of(const Order& order) const;
  Status write_refused(Code fails) const;
  void keep(const Digest& artifact, std::uint32_t index, Buffer encoded);
  Result<Buffer> read(const Digest& artifact, std::uint32_t index);
  DiskImage::Chunk* find(const Digest& artifact, std::uint32_t index);

  bool keeps_;
  const DiskTimes& times_;
  EventQueue& queue_;
  Random& random_;
  ChunkVerifier& verifier_;

  DiskImage held_;
  std::list<UnderWay> under_way_;  // in the order given
  std::uint64_t next_number_ = 1, commits_ = 0;
  std::uint32_t life_ = 0;
  static constexpr std::size_t kRows = 3;  // commits, syncs, chunks
  std::array<Micros, kRows> busy_until_ = {};

  bool full_ = false;
  std::uint32_t fail_ = 0, delay_ = 0, lose_ = 0;
  Code fail_code_ = PINNATE_IO;
  Micros delay_by_ = 0;
  mutable FaultsSeen seen_;
};

}  // namespace pinnate::sim
