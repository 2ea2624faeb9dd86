// Counts of what crossed which link: messages and bytes by type, and each chunk by name.
#pragma once

#include "base/buffer.h"
#include "base/digest.h"
#include "sim/occurrence.h"

#include <cstdint>
#include <map>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace pinnate::sim {

struct Tally {
  std::uint64_t messages = 0, bytes = 0;
  Tally& operator+=(const Tally& o) {
    messages += o.messages;
    bytes += o.bytes;
    return *this;
  }
};

inline constexpr std::uint8_t kAnyType = 0;

class Traffic {
 public:
  // Off at a million engines: a world then counts only what hosts receive and send in all.
  bool per_link = true;
  bool per_chunk = true;
  MachineId counted_below =
      kNoMachine;  // hosts with smaller ids are counted; those with others have no row of their own

  void count(MachineId from, MachineId to, const Buffer& message);
  void clear();

  Tally between(MachineId from, MachineId to, std::uint8_t type = kAnyType) const;
  Tally sent(MachineId from, std::uint8_t type = kAnyType) const;
  Tally received(MachineId to, std::uint8_t type = kAnyType) const;

  struct Crossing {
    MachineId from, to;
    Digest manifest;
    std::uint32_t artifact, index;
    auto operator<=>(const Crossing&) const = default;
  };
  // How often each chunk was sent with status OK.
  const std::map<Crossing, std::uint32_t>& crossings() const { return crossings_; }

 private:
  struct Row {
    std::uint8_t type;
    Tally tally;
  };
  using Rows = std::vector<Row>;  // a link carries few types
  static void add(Rows& rows, std::uint8_t type, std::size_t bytes);
  static Tally sum(const Rows* rows, std::uint8_t type);

  std::unordered_map<std::uint64_t, Rows> links_;
  std::vector<Rows> sent_, received_;
  std::map<Crossing, std::uint32_t> crossings_;
};

}  // namespace pinnate::sim
