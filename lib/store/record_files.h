// Records as files, one each, in a folder `records` with a `journal` beside it.
//
// One write replaces one file atomically. Several go into the journal first, which is then the truth until every file
// has followed it; if files cannot follow (the disk fills up in between) they do so before the next commit, or at the
// next open.
#pragma once

#include "base/status.h"
#include "content/record.h"
#include "store/journal.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace pinnate::store {

// What becomes of a file whose bytes are not those that were written.
enum class Damage { refused, given_up };

class RecordFiles {
 public:
  // `dir` is the folder that has, or gets, the journal; `records` a folder in it that exists.
  // Records whose keys begin with `replaceable` are given up in any case, unless that is "".
  static Result<RecordFiles> open(const std::string& dir, const std::string& records, Damage damage = Damage::refused,
                                  const std::string& replaceable = {});

  // PINNATE_CORRUPT names the damaged file; where damage is given up, it is removed instead, and noted.
  Result<std::map<std::string, Buffer>> load();
  // What was given up, in words, since the last call.
  std::vector<std::string> take_notes() { return std::exchange(notes_, {}); }
  // All or none, durable on return.
  Status commit(const std::vector<RecordWrite>& writes);

 private:
  RecordFiles(std::string dir, std::string records, Damage damage, std::string replaceable)
      : dir_(std::move(dir)), records_(std::move(records)), damage_(damage), replaceable_(std::move(replaceable)) {}
  Status damaged(const std::string& what, const std::string& path, Damage damage);
  std::string path_of(const std::string& key) const;
  Status replay();  // what the journal says, into the files; then removes it
  Status remove_void_journal();
  Status write_files(const Batch& batch) const;

  std::string dir_, records_;
  Damage damage_;
  std::string replaceable_;
  std::vector<std::string> notes_;
  Batch pending_;  // in the journal, and not in the files yet
  bool journal_is_void_ = false;  // it must be gone before anything else is written
};

}  // namespace pinnate::store
