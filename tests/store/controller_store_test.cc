#include "store/store.h"

#include "content/sha256.h"
#include "folder.h"
#include "store/bytes_on_disk.h"
#include "store/child.h"
#include "store/stored.h"

#include <doctest/doctest.h>

#include <sqlite3.h>
#include <sys/stat.h>

using namespace pinnate;
using namespace pinnate::store;

namespace {

void change(const TestFolder& folder, const char* sql) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open((folder.path + "/state.db").c_str(), &db) == SQLITE_OK);
  REQUIRE(sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(db);
}

// How opening and restoring ends.
Status reopened(const TestFolder& folder) {
  auto store = open_controller_store(folder.path);
  return store.ok() ? (*store)->restore().status() : store.status();
}

void fill(const TestFolder& folder) {
  auto store = open_controller_store(folder.path);
  REQUIRE(store.ok());
  std::vector<RecordWrite> writes;
  for (int i = 0; i < 200; i++) writes.push_back(put("release/" + std::to_string(i), std::string(100, 'r')));
  REQUIRE((*store)->commit(writes).ok());
}

}  // namespace

TEST_CASE("a state database of another version is refused in words") {
  TestFolder folder;
  fill(folder);
  change(folder, "PRAGMA user_version = 2");
  const Status s = reopened(folder);
  CHECK(s.code() == PINNATE_INCOMPATIBLE);
  CHECK(s.message().find("is of version 2, and this is for version 1") != std::string::npos);
  change(folder, "PRAGMA user_version = 0");
  CHECK(reopened(folder).code() == PINNATE_INCOMPATIBLE);
  change(folder, "PRAGMA user_version = 1");
  CHECK(reopened(folder).ok());
}

TEST_CASE("a state database and what SQLite makes beside it are for their owner alone") {
  TestFolder folder;
  const std::string path = folder.path + "/state.db", log = path + "-wal";
  const auto mode_of = [](const std::string& file) {
    struct stat st;
    REQUIRE(stat(file.c_str(), &st) == 0);
    return st.st_mode & 07777;
  };
  const mode_t before = umask(022);
  {
    auto store = open_controller_store(folder.path);
    REQUIRE(store.ok());
    REQUIRE((*store)->commit({put("release/1", "secret")}).ok());
    CHECK(mode_of(path) == 0600);
    CHECK(mode_of(log) == 0600);
  }
  // Made by somebody who did not care, and left by a process that died.
  put_bytes(log, "");
  REQUIRE(chmod(path.c_str(), 0644) == 0);
  REQUIRE(chmod(log.c_str(), 0644) == 0);
  {
    auto store = open_controller_store(folder.path);
    REQUIRE(store.ok());
    CHECK(mode_of(path) == 0600);
    CHECK(mode_of(log) == 0600);
    CHECK((*store)->restore()->records.size() == 1);
  }
  umask(before);
}

TEST_CASE("a state database that is a link is refused, and what it leads to is left alone") {
  TestFolder folder, elsewhere;
  fill(folder);
  const std::string path = folder.path + "/state.db", there = elsewhere.path + "/notes";
  put_bytes(there, "");
  REQUIRE(chmod(there.c_str(), 0644) == 0);
  std::filesystem::remove(path);
  std::filesystem::create_symlink(there, path);
  CHECK(reopened(folder).code() == PINNATE_IO);
  struct stat st;
  REQUIRE(stat(there.c_str(), &st) == 0);
  CHECK((st.st_mode & 07777) == 0644);
  CHECK(st.st_size == 0);
}

TEST_CASE("a damaged state database is refused in words, and never crashes or shows other records") {
  TestFolder folder;
  fill(folder);
  const std::string path = folder.path + "/state.db", whole = bytes_of(path);
  REQUIRE(whole.size() > 3 * 4096);

  for (const std::string& bytes :
       {std::string("not a database at all, but long enough to be looked at"), std::string(whole.size(), '\0'),
        whole.substr(0, 4096) + std::string(whole.size() - 4096, 'x')}) {
    put_bytes(path, bytes);
    const Status s = reopened(folder);
    CHECK(s.code() == PINNATE_CORRUPT);
    CHECK(s.message().find(path) != std::string::npos);
  }
  for (std::size_t at = 0; at < whole.size(); at += 197) {
    std::string damaged = whole;
    for (std::size_t i = at; i < at + 8 && i < whole.size(); i++) damaged[i] = static_cast<char>(damaged[i] ^ 0x55);
    put_bytes(path, damaged);
    std::filesystem::remove(path + "-wal");
    auto store = open_controller_store(folder.path);
    if (!store.ok()) continue;
    const auto restored = (*store)->restore();
    if (!restored.ok()) continue;
    for (const auto& [key, value] : restored->records) REQUIRE(value.view() == std::string(100, 'r'));
  }
}

TEST_CASE("a changed value or a changed key of a record is found") {
  TestFolder folder;
  fill(folder);
  change(folder, "UPDATE records SET value = 'other' WHERE key = 'release/7'");
  const Status s = reopened(folder);
  CHECK(s.code() == PINNATE_CORRUPT);
  CHECK(s.message().find("release/7") != std::string::npos);
  change(folder,
         "DELETE FROM records WHERE key = 'release/7'; UPDATE records SET key = 'release/7' WHERE key = 'release/8'");
  CHECK(reopened(folder).code() == PINNATE_CORRUPT);
}

TEST_CASE("a state database that is gone while its artifacts are there is not taken for a new one") {
  TestFolder folder;
  {
    auto store = open_controller_store(folder.path);
    REQUIRE(store.ok());
    REQUIRE((*store)->write_chunk(kArtifact, 0, Buffer("chunk")).ok());
    REQUIRE((*store)->sync_artifact(kArtifact).ok());
    REQUIRE((*store)->commit({put("a", "1")}).ok());
  }
  std::filesystem::rename(folder.path + "/state.db", folder.path + "/moved");
  const Status missing = reopened(folder);
  CHECK(missing.code() == PINNATE_CORRUPT);
  CHECK(missing.message().find("is missing beside its artifacts") != std::string::npos);
  put_bytes(folder.path + "/state.db", "");
  CHECK(reopened(folder).code() == PINNATE_CORRUPT);
  std::filesystem::rename(folder.path + "/moved", folder.path + "/state.db");
  CHECK(reopened(folder).ok());
}

TEST_CASE("a commit that the controller's disk has no space for changes nothing") {
  TestFolder folder;
  fill(folder);
  const int status = run_in_child([&] {
    auto store = open_controller_store(folder.path);
    if (!store.ok()) return 1;
    fill_disk_beyond(200000);
    const Status full =
        (*store)->commit({put("release/1", "new"), put("big", std::string(1000000, 'b')), put("c", "new")});
    if (full.code() != PINNATE_NO_SPACE) return 2;
    if (full.message().find(folder.path + "/state.db") == std::string::npos) return 3;
    if (!(*store)->commit({put("small", "fits")}).ok()) return 4;
    empty_disk();
    if (!(*store)->commit({put("later", std::string(1000000, 'b'))}).ok()) return 5;
    return 0;
  });
  CHECK(status == 0);
  auto store = open_controller_store(folder.path);
  REQUIRE(store.ok());
  const auto records = (*store)->restore()->records;
  CHECK(records.at("release/1").view() == std::string(100, 'r'));
  CHECK_FALSE(records.contains("big"));
  CHECK_FALSE(records.contains("c"));
  CHECK(records.at("small").view() == "fits");
  CHECK(records.at("later").size() == 1000000);
}

TEST_CASE("the controller maps no file of its state") {
  TestFolder folder;
  auto store = open_controller_store(folder.path);
  REQUIRE(store.ok());
  REQUIRE((*store)->commit({put("a", "1")}).ok());
  CHECK_FALSE(std::filesystem::exists(folder.path + "/state.db-shm"));
  CHECK(bytes_of("/proc/self/maps").find(folder.path) == std::string::npos);
}
