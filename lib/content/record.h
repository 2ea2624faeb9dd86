// What a tier keeps on disk besides chunks: small named records, written together or not at all. A
// later version may have left keys that a tier does not know.
#pragma once

#include "base/buffer.h"
#include "base/digest.h"

#include <cstdint>
#include <map>
#include <optional>
#include <ranges>
#include <string>
#include <vector>

namespace pinnate {

// Keys: 1 to 200 of [a-zA-Z0-9._/-]; '/' only groups. No value: the record is removed.
struct RecordWrite {
  std::string key;
  std::optional<Buffer> value;
};

// What a store holds when it is opened.
struct Restored {
  std::map<std::string, Buffer> records;
  // Those whose keys begin with `prefix`, which ends in '/'.
  auto group(std::string prefix) const {
    const auto first = records.lower_bound(prefix);
    prefix.back()++;
    return std::ranges::subrange(first, records.lower_bound(prefix));
  }
  // Which chunks are held, by artifact: index -> stored (encoded) bytes.
  std::map<Digest, std::map<std::uint32_t, std::uint32_t>> chunks;
  // What could not be read and what was done about it. Logged by who restores, not by the tier.
  std::vector<std::string> notes;
  // What an engine had been running when it ended without closing. See module/lasting/black_box.h
  struct Death {
    Digest artifact;
    std::string moment;  // "load", "create", "call", "first 60 s", "just unloaded", "kept in memory"
    std::uint32_t in_a_row = 0;
    std::uint32_t shared = 0;  // of these, in how many it was one of several that could have been it
    std::string name{};  // as in "'thumbnail' 1.2.0"
    std::string others{};  // those several, the last time, in words
    bool last = false;  // in the end of the process before this one
    // Two of those which another could have caused count like one.
    std::uint32_t weight() const { return in_a_row - shared + shared / 2; }
  };
  std::vector<Death> deaths;
};

}  // namespace pinnate
