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
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pinnate::store {

class RecordFiles {
 public:
  // `dir` is the folder that has, or gets, the journal; `records` a folder in it that exists.
  // A damaged record whose key begins with `replaceable` can be had again: it is removed, and noted. Of "" that is every record, and the
  // journal too. Any other damage is refused.
  static Result<RecordFiles> open(const std::string& dir, const std::string& records,
                                  std::optional<std::string> replaceable = {});

  // PINNATE_CORRUPT names the file whose damage is refused.
  Result<std::map<std::string, Buffer>> load();
  // What was removed, in words, since the last call.
  std::vector<std::string> take_notes() { return std::exchange(notes_, {}); }
  // All or none, durable on return.
  Status commit(const std::vector<RecordWrite>& writes);

 private:
  RecordFiles(std::string dir, std::string records, std::optional<std::string> replaceable)
      : dir_(std::move(dir)), records_(std::move(records)), replaceable_(std::move(replaceable)) {}
  Status damaged(const std::string& what, const std::string& path, bool expendable);
  std::string path_of(const std::string& key) const;
  Status replay();  // what the journal says, into the files; then removes it
  Status remove_void_journal();
  Status write_files(const Batch& batch) const;

  std::string dir_, records_;
  std::optional<std::string> replaceable_;
  std::vector<std::string> notes_;
  Batch pending_;  // in the journal, and not in the files yet
  bool journal_is_void_ = false;  // it must be gone before anything else is written
};

}  // namespace pinnate::store
