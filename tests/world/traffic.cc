#include "world/traffic.h"

#include "wire/message.h"
#include "world/message_type.h"

#include <algorithm>

namespace pinnate::sim {
namespace {

std::uint64_t key(MachineId from, MachineId to) { return std::uint64_t(from) << 32 | to; }

}  // namespace

void Traffic::add(Rows& rows, std::uint8_t type, std::size_t bytes) {
  for (Row& row : rows) {
    if (row.type == type) {
      row.tally += {1, bytes};
      return;
    }
  }
  rows.push_back({type, {1, bytes}});
}

Tally Traffic::sum(const Rows* rows, std::uint8_t type) {
  Tally total;
  if (!rows) return total;
  for (const Row& row : *rows) {
    if (type == kAnyType || row.type == type) total += row.tally;
  }
  return total;
}

void Traffic::count(MachineId from, MachineId to, const Buffer& message) {
  const std::uint8_t type = message_type(message.view());
  const auto add_to = [&](std::vector<Rows>& hosts, MachineId host) {
    if (host >= counted_below) return;
    if (hosts.size() <= host) hosts.resize(std::size_t(host) + 1);
    add(hosts[host], type, message.size());
  };
  add_to(sent_, from);
  add_to(received_, to);
  if (per_link) add(links_[key(from, to)], type, message.size());
  if (!per_chunk || type != kChunkBytesType) return;
  const auto decoded = wire::decode(message);
  if (!decoded.ok() || !*decoded) return;
  if (const auto* chunk = std::get_if<wire::ChunkBytes>(&**decoded); chunk && chunk->code == PINNATE_OK)
    ++crossings_[{from, to, chunk->manifest, chunk->artifact, chunk->index}];
}

void Traffic::clear() {
  links_.clear();
  sent_.clear();
  received_.clear();
  crossings_.clear();
}

Tally Traffic::between(MachineId from, MachineId to, std::uint8_t type) const {
  const auto found = links_.find(key(from, to));
  return sum(found == links_.end() ? nullptr : &found->second, type);
}

Tally Traffic::sent(MachineId from, std::uint8_t type) const {
  return sum(from < sent_.size() ? &sent_[from] : nullptr, type);
}

Tally Traffic::received(MachineId to, std::uint8_t type) const {
  return sum(to < received_.size() ? &received_[to] : nullptr, type);
}

}  // namespace pinnate::sim
