// The ordered set of current releases, and what was withdrawn lately. The number of a release is
// the revision that decided it, so what a copy at revision R lacks are the numbers above R.
#pragma once

#include "content/record.h"
#include "content/release.h"
#include "content/selector.h"
#include "wire/message.h"

#include <set>

namespace pinnate::tier {

inline constexpr std::size_t kStateLimitBytes = 64 * 1024 * 1024;  // of all records of current releases

class DesiredState {
 public:
  struct Entry {
    content::Release release;
    std::optional<content::Selector> selector;  // none: by the grammar of a feature that is not known here
    Buffer record;
    Digest digest;  // of the record
  };

  const wire::Position& position() const { return position_; }
  using SharedEntry = std::shared_ptr<const Entry>;  // of this state, its copies, and what is made of it
  const std::map<std::uint64_t, SharedEntry>& releases() const { return releases_; }
  const Entry* find(std::uint64_t number) const;
  bool publishes(std::string_view name) const;
  std::set<Digest> manifests() const;  // of all releases
  std::size_t size_bytes() const { return size_bytes_; }

  // One decision: withdraws some and adds at most one, whose number must be `revision`.
  void decide(std::uint64_t epoch, std::uint64_t revision, const std::vector<std::uint64_t>& withdrawn,
              const std::vector<Entry>& added);

  // Whether a copy can be brought here by what it lacks. Otherwise it needs the whole set.
  bool reaches_from(const wire::Position& from) const;
  // What a copy at `revision` holds too much; what it lacks are the releases of higher numbers.
  std::vector<std::uint64_t> withdrawn_since(std::uint64_t revision) const;

  // Changes this (nothing, when `whole`) as told; nothing, when the digest is not as announced.
  Status advance(const wire::Position& to, bool whole, const std::vector<std::uint64_t>& withdrawn,
                 std::vector<Entry> added);

  // Records that bring a store from `before` to this.
  std::vector<RecordWrite> changes_since(const DesiredState& before) const;
  static Result<DesiredState> restore(const Restored& restored);
  // Removes records of a state that could not be restored: they must not mix with the next one.
  static std::vector<RecordWrite> strays(const Restored& restored, const DesiredState& state);

  static Result<Entry> make_entry(Buffer record);

 private:
  Digest digest_at(std::uint64_t epoch, std::uint64_t revision) const;
  Buffer head() const;

  wire::Position position_;
  std::map<std::uint64_t, SharedEntry> releases_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> withdrawn_;  // (at revision, number), ascending
  std::uint64_t floor_ = 0;  // withdrawals after this revision are all in withdrawn_
  std::size_t size_bytes_ = 0;
};

}  // namespace pinnate::tier
