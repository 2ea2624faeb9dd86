#include "sim/disk.h"

#include "content/artifact_check.h"

#include <algorithm>
#include <utility>

namespace pinnate::sim {
namespace {

tier::Token token_of(const Disk::Order& order) {
  return std::visit(
      [](const auto& o) -> tier::Token {
        if constexpr (requires { o.token; })
          return o.token;
        else
          return 0;
      },
      order);
}

// Which orders one waits for: a commit or a sync keeps neither chunks waiting nor one the other.
std::size_t row_of(const Disk::Order& order) {
  return std::holds_alternative<tier::Commit>(order) ? 0 : std::holds_alternative<tier::SyncArtifact>(order) ? 1 : 2;
}

bool writes(const Disk::Order& order) { return !std::holds_alternative<tier::ReadChunk>(order); }

}  // namespace

Restored Disk::restore() const {
  Restored restored;
  restored.records = held_.records;
  for (const auto& artifact : held_.artifacts) {
    auto& chunks = restored.chunks[artifact.digest];
    for (const auto& chunk : artifact.chunks) chunks[chunk.index] = std::uint32_t(chunk.encoded.size());
  }
  return restored;
}

Micros Disk::time_of(const Order& order) const {
  if (std::holds_alternative<tier::Commit>(order)) return times_.commit;
  if (std::holds_alternative<tier::SyncArtifact>(order)) return times_.sync;
  return std::holds_alternative<tier::AcceptChunk>(order) ? times_.accept : times_.read;
}

void Disk::submit(Order order, std::function<void(tier::Completion)> done) {
  UnderWay next{next_number_++, std::move(order), std::move(done)};
  Micros& busy_until = busy_until_[row_of(next.order)];
  busy_until = std::max(busy_until, queue_.now()) + time_of(next.order);
  if (token_of(next.order) != 0) {
    if (fail_ > 0) --fail_, ++seen_.failed, next.fails = fail_code_;
    if (delay_ > 0)
      --delay_, ++seen_.delayed,
          busy_until += delay_by_;  // those behind it wait for it: orders are carried out one by one
    if (lose_ > 0) --lose_, next.lost = true;
  }
  queue_.at(busy_until, [this, number = next.number, life = life_] { finish(number, life); });
  under_way_.push_back(std::move(next));
}

void Disk::finish(std::uint64_t number, std::uint32_t life) {
  if (life != life_) return;
  const auto at =
      std::find_if(under_way_.begin(), under_way_.end(), [&](const UnderWay& u) { return u.number == number; });
  UnderWay order = std::move(*at);
  under_way_.erase(at);
  tier::Completion completion = carry_out(order.order, order.fails);
  if (!order.lost && completion.token != 0) order.done(std::move(completion));
}

Status Disk::write_refused(Code fails) const {
  if (full_) ++seen_.full;
  if (fails == PINNATE_NO_SPACE || full_) return {PINNATE_NO_SPACE, "No space left on device"};
  if (fails != PINNATE_OK) return {fails, "Input/output error"};
  return {};
}

tier::Completion Disk::carry_out(Order& order, Code fails) {
  tier::Completion completion;
  completion.token = token_of(order);
  if (auto* commit = std::get_if<tier::Commit>(&order)) {
    completion.status = write_refused(fails);
    if (!completion.status.ok()) return completion;
    ++commits_;
    for (RecordWrite& write : commit->writes) {
      if (write.value)
        held_.records[write.key] = Buffer(write.value->str());
      else
        held_.records.erase(write.key);
    }
  } else if (auto* wanted = std::get_if<tier::ReadChunk>(&order)) {
    Result<Buffer> chunk = read(wanted->artifact, wanted->index);
    if (fails != PINNATE_OK)
      completion.status = {fails, "Input/output error"};
    else if (!chunk.ok())
      completion.status = chunk.status();
    else
      completion.bytes = std::move(*chunk);
  } else if (auto* accept = std::get_if<tier::AcceptChunk>(&order)) {
    std::optional<Buffer> good = verifier_.verify(accept->encoded, accept->plain_bytes, accept->expected);
    if (!good)
      completion.status = {PINNATE_CORRUPT, "chunk " + std::to_string(accept->index) + " does not match its digest"};
    else if (accept->keep && (completion.status = write_refused(fails)).ok())
      keep(accept->artifact, accept->index, std::move(*good));
  } else if (auto* sync = std::get_if<tier::SyncArtifact>(&order)) {
    completion.status = write_refused(fails);
    if (completion.status.ok() && sync->check)
      completion.status = content::check_artifact(
          *sync->check, [&](std::uint32_t index) { return read(sync->artifact, index); }, &completion.chunks);
    if (!completion.status.ok()) return completion;
    for (auto& artifact : held_.artifacts) {
      if (artifact.digest != sync->artifact) continue;
      for (auto& chunk : artifact.chunks) chunk.synced = true;
    }
  } else if (auto* drop = std::get_if<tier::DropArtifact>(&order)) {
    std::erase_if(held_.artifacts, [&](const auto& artifact) { return artifact.digest == drop->artifact; });
  }
  return completion;
}

Result<Buffer> Disk::read(const Digest& artifact, std::uint32_t index) {
  const DiskImage::Chunk* held = find(artifact, index);
  if (!held) return {PINNATE_NOT_FOUND, "chunk " + std::to_string(index) + " is not held"};
  if (held->damaged) return {PINNATE_CORRUPT, "chunk " + std::to_string(index) + " is damaged on disk"};
  return held->encoded;
}

void Disk::crash(bool power_lost, std::vector<tier::Token>* unanswered) {
  // Some of what was under way has happened, unseen; the first not to have happened ends its row.
  std::array<std::size_t, kRows> happen;
  for (std::size_t& row : happen) row = random_.below(under_way_.size() + 1);
  for (UnderWay& order : under_way_) {
    if (std::size_t& left = happen[row_of(order.order)]; left > 0 && writes(order.order)) {
      --left;
      (void)carry_out(order.order, order.fails);
    }
    if (const tier::Token token = token_of(order.order); token != 0) unanswered->push_back(token);
  }
  under_way_.clear();
  ++life_;
  busy_until_ = {};
  if (!keeps_) {
    held_ = {};
    return;
  }
  if (!power_lost) return;
  // The kernel may have written some of it. A torn chunk is absent: the store promises so.
  for (auto& artifact : held_.artifacts)
    std::erase_if(artifact.chunks, [&](const DiskImage::Chunk& chunk) { return !chunk.synced && random_.one_in(2); });
  for (auto& artifact : held_.artifacts) {
    for (auto& chunk : artifact.chunks) chunk.synced = true;
  }
  std::erase_if(held_.artifacts, [](const auto& artifact) { return artifact.chunks.empty(); });
}

DiskImage::Chunk* Disk::find(const Digest& artifact, std::uint32_t index) {
  for (auto& held : held_.artifacts) {
    if (held.digest != artifact) continue;
    const auto at = std::lower_bound(held.chunks.begin(), held.chunks.end(), index,
                                     [](const DiskImage::Chunk& c, std::uint32_t i) { return c.index < i; });
    return at != held.chunks.end() && at->index == index ? &*at : nullptr;
  }
  return nullptr;
}

bool Disk::dropping(const Digest& artifact) const {
  return std::any_of(under_way_.begin(), under_way_.end(), [&](const UnderWay& u) {
    const auto* drop = std::get_if<tier::DropArtifact>(&u.order);
    return drop && drop->artifact == artifact;
  });
}

const Buffer* Disk::chunk(const Digest& artifact, std::uint32_t index) const {
  const DiskImage::Chunk* held = const_cast<Disk*>(this)->find(artifact, index);
  return held ? &held->encoded : nullptr;
}

void Disk::keep(const Digest& artifact, std::uint32_t index, Buffer encoded) {
  if (DiskImage::Chunk* held = find(artifact, index)) {
    // Written again with the same bytes: the copy that was synced before is still there.
    const bool synced = held->synced && !held->damaged && held->encoded == encoded;
    *held = {index, synced, false, std::move(encoded)};
    return;
  }
  auto at =
      std::find_if(held_.artifacts.begin(), held_.artifacts.end(), [&](const auto& a) { return a.digest == artifact; });
  if (at == held_.artifacts.end()) at = held_.artifacts.insert(at, DiskImage::Artifact{artifact, {}});
  const auto place = std::lower_bound(at->chunks.begin(), at->chunks.end(), index,
                                      [](const DiskImage::Chunk& c, std::uint32_t i) { return c.index < i; });
  at->chunks.insert(place, DiskImage::Chunk{index, false, false, std::move(encoded)});
}

}  // namespace pinnate::sim
