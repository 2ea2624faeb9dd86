// Every release a controller ever decided, and the positions its desired state went through.
#pragma once

#include "content/manifest.h"
#include "content/record.h"
#include "wire/message.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace pinnate::tier {

class History {
 public:
  using Artifacts = std::map<std::string, Digest>;  // by platform

  void restore(const Restored& restored);

  void add(const wire::ReleaseFacts& facts, Artifacts artifacts, std::vector<RecordWrite>* writes);
  void end(std::uint64_t number, const std::string& how, std::vector<RecordWrite>* writes);
  bool knows(std::uint64_t number) const { return entries_.contains(number); }
  // Releases before this number may have been given up for newer ones, so that one which is not known need not be lost.
  std::uint64_t begins_at() const;
  std::vector<wire::ReleaseFacts> list(const std::string& name, std::size_t most) const;  // newest first

  // Changes since the last of these two calls stay, or are taken back because they could not be written.
  void settle();
  void take_back();

  // Whether `version` of `name` was published before with other bytes for one of these platforms; says so in words.
  Status check_same_bytes(const content::Manifest& manifest) const;

  void passed(const wire::Position& position, std::vector<RecordWrite>* writes);
  // True when `position` is of this controller's epoch and past, but not what it was then.
  bool contradicts(const wire::Position& position) const;

 private:
  struct Entry {
    wire::ReleaseFacts facts;
    Artifacts artifacts;
  };
  void remember(std::uint64_t number);
  static RecordWrite facts_record(const wire::ReleaseFacts& facts);
  std::map<std::uint64_t, Entry> entries_;
  std::map<std::uint64_t, wire::Position> positions_;  // by revision
  std::map<std::uint64_t, std::optional<Entry>> before_;  // what take_back puts back
  std::map<std::uint64_t, std::optional<wire::Position>> positions_before_;
};

}  // namespace pinnate::tier
