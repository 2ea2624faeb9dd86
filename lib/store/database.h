// Records in one SQLite file: table records(key, value, crc), WAL, synchronous=FULL.
#pragma once

#include "base/status.h"
#include "content/record.h"
#include "store/files.h"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace pinnate::store {

class Database {
 public:
  // PINNATE_INCOMPATIBLE: the file in `dir` is of a newer version. Changes nothing; SQLite would.
  static Status refuse_newer(const std::string& dir);
  // `dir` is absolute. Makes the file when it is missing or empty, and `may_create`; else that is
  // PINNATE_CORRUPT, for the records are lost. PINNATE_INCOMPATIBLE: of another version.
  static Result<Database> open(const std::string& dir, bool may_create);

  // PINNATE_CORRUPT names the record whose bytes are not those that were written.
  Result<std::map<std::string, Buffer>> load(std::vector<std::string>* notes);
  // All or none, durable on return.
  Status commit(const std::vector<RecordWrite>& writes);

 private:
  using Statement = std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)>;

  explicit Database(std::string path) : path_(std::move(path)), name_("the state database '" + path_ + "'") {}
  Status set_up(bool may_create);
  Status run(const char* sql);
  template <typename Work>
  Status transaction(Work work);
  Result<Statement> prepare(const char* sql);
  Result<std::string> ask(const char* sql);  // the first column of the first row
  Status write(const RecordWrite& write);
  Status failure(int code) const;
  Status lost(const std::string& how) const;

  std::string path_, name_;
  FileId id_, log_id_;
  std::unique_ptr<sqlite3, int (*)(sqlite3*)> db_{nullptr, nullptr};
  Statement put_{nullptr, nullptr}, remove_{nullptr, nullptr};  // after db_: finished before it closes
};

}  // namespace pinnate::store
