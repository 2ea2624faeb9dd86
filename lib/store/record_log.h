// Records as a log of commits: one file, one frame per commit (frame.h), one sync each.
//
// A payload holds, for each write: u32 length of the key, key, u32 length of the value or
// 0xffffffff where the record is removed, value. What a key was last given counts.
//
// A commit is synced before the next one is written, so a crash leaves at most one that is not
// whole, at the end: it was never acknowledged, and is cut off. Bytes that are no commit and have
// one behind them are damage. When the log has grown to several times of what it holds, that is
// written to a new one, which takes its place.
#pragma once

#include "base/status.h"
#include "content/record.h"
#include "store/files.h"
#include "store/frame.h"

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace pinnate::store {

class RecordLog {
 public:
  // PINNATE_INCOMPATIBLE: the log in `dir` is of a newer version. Changes nothing.
  static Status refuse_newer(const std::string& dir);
  // `dir` exists. `expendable`: all records can be had again, so a damaged commit, or a log that is
  // missing from a folder that is not `fresh`, is given up and noted; else that is PINNATE_CORRUPT.
  static Result<RecordLog> open(const std::string& dir, bool fresh, bool expendable);

  // What the log holds; notes what was given up, in words.
  Result<std::map<std::string, Buffer>> load(std::vector<std::string>* notes);
  // All or none, durable on return.
  Status commit(const std::vector<RecordWrite>& writes);

 private:
  RecordLog(std::string dir, bool expendable)
      : dir_(std::move(dir)), path_(dir_ + "/records.log"), expendable_(expendable) {}
  Status hold(Descriptor file);
  Result<FrameScan> read(std::uint64_t size, std::map<std::string, Buffer>* records) const;
  Status damaged(std::uint64_t at) const;
  Status rewrite();

  std::string dir_, path_;
  bool expendable_;
  Descriptor file_;
  FileId id_;
  std::uint64_t end_ = 0;  // where the next commit goes
  std::uint64_t rewrite_at_ = 0;  // when `end_` is beyond; 0: the log was not read yet
  bool doubtful_ = false;  // it must be rewritten before anything is added
  std::vector<std::string> missing_;  // notes of open
};

}  // namespace pinnate::store
