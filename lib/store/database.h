// Records in one SQLite file: table records(key, value, crc), WAL, synchronous=FULL.
#pragma once

#include "base/status.h"
#include "content/record.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace pinnate::store {

class Database {
 public:
  // PINNATE_INCOMPATIBLE: the file is of a newer version. Changes nothing, which SQLite would: it
  // makes files, and moves what its log holds.
  static Status refuse_newer(const std::string& path);
  // `path` is absolute. Makes the file when it is missing or empty, and `may_create`; else that is PINNATE_CORRUPT,
  // for the records are lost. PINNATE_INCOMPATIBLE: of another version.
  static Result<Database> open(const std::string& path, bool may_create);

  // PINNATE_CORRUPT names the record whose bytes are not those that were written.
  Result<std::map<std::string, Buffer>> load(std::vector<std::string>* notes);
  // All or none, durable on return.
  Status commit(const std::vector<RecordWrite>& writes);

 private:
  struct CloseConnection {
    void operator()(sqlite3* db) const;
  };
  struct FinishStatement {
    void operator()(sqlite3_stmt* statement) const;
  };
  using Statement = std::unique_ptr<sqlite3_stmt, FinishStatement>;

  Database() = default;
  Status set_up(bool may_create);
  Status create();
  Status run(const char* sql);
  Result<Statement> prepare(const char* sql);
  Result<std::string> ask(const char* sql);  // the first column of the first row
  Status step(sqlite3_stmt* statement);  // to its end, and resets it
  Status write(const RecordWrite& write);
  Status failure(int code) const;

  std::string path_;
  std::unique_ptr<sqlite3, CloseConnection> db_;
  Statement put_, remove_;  // after db_: finished before it closes
};

}  // namespace pinnate::store
