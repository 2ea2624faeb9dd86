// What the controller really decided: every desired state that was ever durable on its disk, read
// off the disk and not off what the controller says. Also which of its releases an engine must
// follow: the newest that selects it. What a selector matches, and which artifact is for a
// platform, is asked of the library itself; the tests of lib/content hold that against its
// description.
#pragma once

#include "base/names.h"
#include "content/release.h"
#include "sim/disk.h"
#include "sim/shelf.h"

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pinnate::simulator {

struct Place {  // of a desired state in the history
  std::uint64_t epoch = 0, revision = 0;
  auto operator<=>(const Place&) const = default;
};
std::string in_words(const Place& place);

struct DesiredSet {
  Place place;
  std::map<std::uint64_t, content::Release> releases;  // current ones, by number

  // The newest release of a function that selects these labels, or null.
  const content::Release* choose(const std::string& function, const Labels& labels) const;
  std::vector<std::string> functions() const;
};

// The place that a tier's disk says it is at; nothing: it holds no desired state.
std::optional<Place> place_on(const sim::DiskImage& disk);

class Ledger {
 public:
  struct Change {
    std::vector<content::Release> added;
    std::vector<std::uint64_t> removed;
    DesiredSet before;
  };
  // Looks at the controller's disk; the change, if there is one.
  std::optional<Change> look(const sim::DiskImage& disk);
  // The disk was put back to a copy: what was decided since is of no account any more.
  void disk_was_put_back(const sim::DiskImage& disk);

  const DesiredSet& current() const { return current_; }
  // What was ever at this place: more than one, when a copy was put back and the history went on
  // differently.
  std::vector<const DesiredSet*> at(const Place& place) const;
  // A controller with an old disk decided before it heard of the newer history, or of all of it:
  // the number of a release then names two of them, and status, which goes by number, cannot tell
  // them apart.
  bool numbers_used_twice() const;
  std::uint32_t backups_put_back() const { return backups_; }

 private:
  static DesiredSet read(const sim::DiskImage& disk);

  Buffer head_;
  DesiredSet current_;
  std::multimap<Place, DesiredSet> all_;
  std::uint32_t backups_ = 0;
};

}  // namespace pinnate::simulator
