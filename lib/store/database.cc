#include "store/database.h"

#include "base/fork.h"
#include "store/encoding.h"
#include "store/files.h"
#include "store/record_key.h"

#include <atomic>
#include <cerrno>

#include <fcntl.h>
#include <sqlite3.h>

namespace pinnate::store {
namespace {

constexpr char kName[] = "/state.db", kLog[] = "-wal";  // the latter behind the path
constexpr std::uint32_t kVersion = 1;  // user_version of the file
constexpr std::size_t kVersionAt = 60;  // where the file has it, most significant byte first

// locking_mode=EXCLUSIVE before anything is read keeps WAL without a mapped -shm file: one that
// somebody cuts short would raise SIGBUS. The folder's LOCK keeps others out anyway.
constexpr char kSettings[] =
    "PRAGMA locking_mode=EXCLUSIVE; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY; PRAGMA cell_size_check=ON;"
    "PRAGMA trusted_schema=OFF; PRAGMA synchronous=FULL;";

// The locks that SQLite's connections share, in the order in which it takes them itself. It holds
// them for moments, and never while a disk works.
void hold_shared_locks(bool held) {
  constexpr int kShared[] = {SQLITE_MUTEX_STATIC_PRNG, SQLITE_MUTEX_STATIC_OPEN, SQLITE_MUTEX_STATIC_MASTER,
                             SQLITE_MUTEX_STATIC_VFS1, SQLITE_MUTEX_STATIC_LRU,  SQLITE_MUTEX_STATIC_PMEM,
                             SQLITE_MUTEX_STATIC_MEM};
  for (const int lock : kShared) (held ? sqlite3_mutex_enter : sqlite3_mutex_leave)(sqlite3_mutex_alloc(lock));
}

void begin_sqlite() {
  static constinit std::atomic<bool> begun{false};
  if (begun.load(std::memory_order_acquire)) return;
  const ForksWait whole;
  if (begun.load(std::memory_order_relaxed) || sqlite3_initialize() != SQLITE_OK) return;
  hold_during_forks(&hold_shared_locks);
  begun.store(true, std::memory_order_release);
}

// The error number of the last write to the database or its log that failed. A rollback after it
// overwrites sqlite3_system_errno.
int write_error(sqlite3* db) {
  for (int which : {SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER}) {  // in WAL mode the "journal" is the log
    sqlite3_file* file = nullptr;
    int error = 0;
    if (sqlite3_file_control(db, "main", which, &file) != SQLITE_OK || !file || !file->pMethods) continue;
    if (file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error) == SQLITE_OK && error != 0) return error;
  }
  return sqlite3_system_errno(db);
}

// Configurations may hold secrets, and SQLite makes files by the umask: so the database is there,
// for its owner alone, before it opens it, and what it makes beside gets the same mode. What an
// earlier process made is mended too. Not through links, which may lead to what is not ours.
Status make_private(const std::string& path, bool may_create) {
  const int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK;
  auto database = open_file(path, flags | (may_create ? O_CREAT : 0));
  if (!database.ok()) return database.status();
  make_private(*database);
  for (const char* beside : {kLog, "-shm", "-journal"})
    if (const auto file = open_file(path + beside, flags); file.ok()) make_private(*file);
  return {};
}

}  // namespace

Status Database::lost(const std::string& how) const {
  return {PINNATE_CORRUPT, name_ + " is " + how + ": restore the folder from a backup"};
}

Status Database::refuse_newer(const std::string& dir) {
  const Database database(dir + kName);
  const std::string& path = database.path_;
  const auto file = open_file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  const auto header = file.ok() ? read_at(*file, 0, kVersionAt + 4, path) : Result<std::string>(file.status());
  if (!header.ok() || header->size() < kVersionAt + 4 || !header->starts_with("SQLite format 3")) return {};
  std::uint32_t version = 0;
  for (std::size_t i = 0; i < 4; i++) version = version << 8 | static_cast<unsigned char>((*header)[kVersionAt + i]);
  return version > kVersion ? other_version(database.name_, std::to_string(version), kVersion) : Status();
}

Result<Database> Database::open(const std::string& dir, bool may_create) {
  Database database(dir + kName);
  const std::string& path = database.path_;
  if (Status s = make_private(path, may_create); !s.ok())
    return may_create || s.code() != PINNATE_NOT_FOUND ? s : database.lost("missing beside its artifacts");
  begin_sqlite();
  sqlite3* db = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
  const int code = sqlite3_open_v2(path.c_str(), &db, flags, nullptr);
  database.db_ = {db, &sqlite3_close_v2};
  if (!db) return no_memory();
  if (code != SQLITE_OK) return database.failure(code);
  sqlite3_extended_result_codes(db, 1);
  sqlite3_busy_timeout(db, 1000);  // somebody may be looking into the file with another program
  if (Status s = database.set_up(may_create); !s.ok()) return s;
  return database;
}

template <typename Work>
Status Database::transaction(Work work) {
  Status s = run("BEGIN IMMEDIATE");
  if (s.ok()) s = work();
  if (s.ok()) s = run("COMMIT");
  if (!s.ok() && !sqlite3_get_autocommit(db_.get())) (void)run("ROLLBACK");
  return s;
}

Status Database::set_up(bool may_create) {
  if (Status s = run(kSettings); !s.ok()) return s;
  const auto version = ask("PRAGMA user_version"), objects = ask("SELECT count(*) FROM sqlite_schema");
  if (!version.ok()) return version.status();
  if (!objects.ok()) return objects.status();
  const bool blank = *version == "0" && *objects == "0";
  if (blank && !may_create) return lost("empty beside its artifacts");
  if (!blank && *version != std::to_string(kVersion)) return other_version(name_, *version, kVersion);
  const auto mode = ask("PRAGMA journal_mode=WAL");
  if (!mode.ok()) return mode.status();
  if (*mode != "wal") return {PINNATE_IO, name_ + " cannot use a write-ahead log on this file system"};
  if (blank) {
    const Status made = transaction([this] {
      return run(
          "CREATE TABLE records(key TEXT PRIMARY KEY, value BLOB NOT NULL, crc INTEGER NOT NULL) WITHOUT ROWID;"
          "PRAGMA user_version=1");
    });
    if (!made.ok()) return made;
  } else {
    const auto check = ask("PRAGMA quick_check(1)");
    if (!check.ok()) return check.status();
    if (*check != "ok") return lost("damaged (" + *check + ")");
  }
  // The names of the database and of its log, also when a process that died made them.
  if (Status s = sync_path(path_.substr(0, path_.find_last_of('/') + 1)); !s.ok()) return s;

  const auto id = file_id(path_), log_id = file_id(path_ + kLog);
  if (!id.ok()) return id.status();
  if (!log_id.ok()) return log_id.status();
  id_ = *id;
  log_id_ = *log_id;

  auto put = prepare("INSERT OR REPLACE INTO records(key, value, crc) VALUES(?1, ?2, ?3)");
  auto remove = prepare("DELETE FROM records WHERE key = ?1");
  if (!put.ok()) return put.status();
  if (!remove.ok()) return remove.status();
  put_ = std::move(*put);
  remove_ = std::move(*remove);
  return {};
}

Result<std::map<std::string, Buffer>> Database::load(std::vector<std::string>*) {
  auto select = prepare("SELECT key, value, crc FROM records");
  if (!select.ok()) return select.status();
  sqlite3_stmt* row = select->get();
  std::map<std::string, Buffer> records;
  int code;
  while ((code = sqlite3_step(row)) == SQLITE_ROW) {
    const auto column = [&](int i) {  // the pointer first: SQLite's order
      const char* p = static_cast<const char*>(sqlite3_column_blob(row, i));
      return std::string(p ? p : "", static_cast<std::size_t>(sqlite3_column_bytes(row, i)));
    };
    std::string key = column(0), value = column(1);
    if (!is_record_key(key) || checksum(key, value) != static_cast<std::uint64_t>(sqlite3_column_int64(row, 2)))
      return lost("damaged (record '" + (is_record_key(key) ? key : "?") + "')");
    records.emplace(std::move(key), Buffer(std::move(value)));
  }
  if (code != SQLITE_DONE) return failure(code);
  return records;
}

Status Database::commit(const std::vector<RecordWrite>& writes) {
  if (Status s = check_writes(writes); !s.ok()) return s;
  if (writes.empty()) return {};
  for (const auto& [path, id] : {std::pair(path_, id_), std::pair(path_ + kLog, log_id_)})
    if (Status s = still_at(path, id); !s.ok()) return s;
  return transaction([&] {
    Status s;
    for (const RecordWrite& each : writes)
      if (s.ok()) s = write(each);
    return s;
  });
}

Status Database::write(const RecordWrite& write) {
  sqlite3_stmt* statement = write.value ? put_.get() : remove_.get();
  int code = sqlite3_bind_text(statement, 1, write.key.data(), static_cast<int>(write.key.size()), SQLITE_STATIC);
  if (write.value) {
    const std::string_view value = write.value->view();
    // A null pointer would bind NULL, and not an empty value.
    if (code == SQLITE_OK)
      code = sqlite3_bind_blob64(statement, 2, value.empty() ? "" : value.data(), value.size(), SQLITE_STATIC);
    if (code == SQLITE_OK) code = sqlite3_bind_int64(statement, 3, checksum(write.key, value));
  }
  if (code == SQLITE_OK) code = sqlite3_step(statement);
  Status s = code == SQLITE_DONE ? Status() : failure(code);
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  return s;
}

Status Database::run(const char* sql) {
  const int code = sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? Status() : failure(code);
}

Result<Database::Statement> Database::prepare(const char* sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(db_.get(), sql, -1, &statement, nullptr);
  if (code != SQLITE_OK) return failure(code);
  return Statement(statement, &sqlite3_finalize);
}

Result<std::string> Database::ask(const char* sql) {
  auto statement = prepare(sql);
  if (!statement.ok()) return statement.status();
  const int code = sqlite3_step(statement->get());
  if (code != SQLITE_ROW) return failure(code);
  const unsigned char* text = sqlite3_column_text(statement->get(), 0);
  return std::string(text ? reinterpret_cast<const char*>(text) : "");
}

Status Database::failure(int code) const {
  const std::string why = sqlite3_errmsg(db_.get());
  const int kind = code & 0xff;
  if (kind == SQLITE_FULL)
    return {PINNATE_NO_SPACE, "cannot write " + name_ + ": the disk is full; free some space there"};
  if (kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB) return lost("damaged (" + why + ")");
  if (kind == SQLITE_BUSY || kind == SQLITE_LOCKED)
    return {PINNATE_IN_USE, name_ + " is open in another program: close it there" +
                                (fork_count() == 0 ? ""
                                                   : "; or it was open here before a fork(), and SQLite opens it "
                                                     "no second time in the child: begin a new program with exec")};
  if (kind == SQLITE_NOMEM || code == SQLITE_IOERR_NOMEM) return no_memory();
  if (kind == SQLITE_TOOBIG) return {PINNATE_TOO_LARGE, "cannot write " + name_ + ": " + why};
  const bool io = kind == SQLITE_IOERR;
  const int error = io ? write_error(db_.get()) : sqlite3_system_errno(db_.get());
  Status full = os_error(error, "write the state database", path_);
  if (io && code != SQLITE_IOERR_READ && full.code() == PINNATE_NO_SPACE) return full;
  return {PINNATE_IO, "cannot use " + name_ + ": " + why +
                          (error != 0 ? " (" + os_error(error, "use", path_).message() + ")" : "")};
}

}  // namespace pinnate::store
