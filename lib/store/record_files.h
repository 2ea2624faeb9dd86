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
#include <vector>

namespace pinnate::store {

class RecordFiles {
 public:
  // `dir` is the folder that has, or gets, the journal; `records` a folder in it that exists.
  static Result<RecordFiles> open(const std::string& dir, const std::string& records);

  // PINNATE_CORRUPT names the file whose bytes are not those that were written.
  Result<std::map<std::string, Buffer>> load() const;
  // All or none, durable on return.
  Status commit(const std::vector<RecordWrite>& writes);

 private:
  RecordFiles(std::string dir, std::string records) : dir_(std::move(dir)), records_(std::move(records)) {}
  std::string path_of(const std::string& key) const;
  Status replay();  // what the journal says, into the files; then removes it
  Status remove_void_journal();
  Status write_files(const Batch& batch) const;

  std::string dir_, records_;
  Batch pending_;  // in the journal, and not in the files yet
  bool journal_is_void_ = false;  // it must be gone before anything else is written
};

}  // namespace pinnate::store
