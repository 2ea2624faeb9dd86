// What is kept on disk of the tiers right below, in batches.
//
// known/ID is the hello, status/ID the last engine status or whole roll-up, as on the wire, the
// latter as what it is worth when its gateway is lost. offline/ID is the wall time since when it is
// offline (none: it was linked to the last), so that who never comes back is forgotten however
// often this tier restarts.
#pragma once

#include "tier/child.h"

namespace pinnate::tier {

using Children = std::map<std::string, std::unique_ptr<Child>>;

class ChildRecords {
 public:
  ChildRecords(Core* core, const Children* children) : core_(core), children_(children) {}

  // All that is known, offline. Says in the log what cannot be read.
  std::vector<std::unique_ptr<Child>> restore(const Restored& restored);
  std::uint64_t forgotten() const { return forgotten_; }

  void changed(const std::string& id) { unsaved_.try_emplace(id, 0); }
  void unchanged(const std::string& id) { unsaved_.erase(id); }
  void removed(const std::string& id, std::uint64_t forgotten);  // with it so many more engines are forgotten

  // begin_save() gathers what has changed, take_changes() gives the next batch, until one is empty.
  struct Changes {
    std::vector<RecordWrite> writes;
    std::map<std::string, std::uint64_t> children;  // as in unsaved_
  };
  void begin_save();
  Changes take_changes();
  void changes_failed(const Changes& changes);  // they could not be written: these are told again
  bool unsaved() const { return !unsaved_.empty(); }

 private:
  void write(const std::string& id, std::vector<RecordWrite>* writes) const;

  Core* core_;
  const Children* children_;
  // Children whose records are not up to date, with what each removal adds to the count of the
  // forgotten: its record goes with the removals. due_: those of the present save.
  std::map<std::string, std::uint64_t> unsaved_, due_;
  std::uint64_t forgotten_ = 0, unsaved_forgotten_ = 0;
};

}  // namespace pinnate::tier
