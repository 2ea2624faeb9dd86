// Every release a controller ever decided, and the positions its desired state went through.
#pragma once

#include "content/manifest.h"
#include "content/record.h"
#include "wire/message.h"

namespace pinnate::tier {

class History {
 public:
  using Artifacts = std::map<std::string, Digest>;  // by platform
  struct Entry {
    wire::ReleaseFacts facts;
    Artifacts artifacts;
  };
  // What a decision adds to it. Nothing is changed before apply().
  struct Difference {
    std::map<std::uint64_t, std::string> ended;  // how each ceased to be current
    std::vector<Entry> added;
    std::optional<wire::Position> passed;
  };

  // What could not be read is left out and said.
  std::vector<std::string> restore(const Restored& restored);

  std::vector<RecordWrite> writes(const Difference& difference) const;
  void apply(const Difference& difference);
  bool knows(std::uint64_t number) const { return entries_.contains(number); }
  // Releases before this number may have been given up for newer ones, and need not be lost.
  std::uint64_t begins_at() const;
  std::vector<wire::ReleaseFacts> list(const std::string& name, std::size_t most) const;  // newest first

  // Not OK: the version was published before with other bytes for a platform.
  Status check_same_bytes(const content::Manifest& manifest) const;

  // True when `position` is of this controller's epoch and past, but not what it was then.
  bool contradicts(const wire::Position& position) const;

 private:
  // The oldest that are no longer current, to be given up for what `difference` adds.
  std::vector<std::uint64_t> given_up_for(const Difference& difference) const;
  static RecordWrite facts_record(const wire::ReleaseFacts& facts);
  std::map<std::uint64_t, Entry> entries_;
  std::map<std::uint64_t, wire::Position> positions_;  // by revision
};

}  // namespace pinnate::tier
