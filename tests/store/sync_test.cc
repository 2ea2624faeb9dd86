// What is acknowledged was synced before, and a sync that fails is not forgotten. This program's
// own fsync and fdatasync stand before those of the C library, for SQLite too.
#include "store/store.h"

#include "folder.h"
#include "store/stored.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <filesystem>
#include <functional>
#include <future>
#include <set>

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

std::set<std::string> synced;  // paths
int syncs = 0;
std::function<void()> in_sync;
int failing_sync = 0;  // the how many-th from now on fails; 0: none does

int sync_or_fail(long call, int fd) {
  if (failing_sync > 0 && --failing_sync == 0) {
    errno = EIO;
    return -1;
  }
  syncs++;
  if (in_sync) in_sync();
  std::error_code ignored;
  synced.insert(std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), ignored).string());
  return static_cast<int>(syscall(call, fd));
}

}  // namespace

extern "C" int fsync(int fd) { return sync_or_fail(SYS_fsync, fd); }
extern "C" int fdatasync(int fd) { return sync_or_fail(SYS_fdatasync, fd); }

using namespace pinnate;
using namespace pinnate::store;

namespace {

std::unique_ptr<Store> opened(const std::string& dir, const std::string& kind) {
  auto store = open_store(dir, kind);
  REQUIRE_MESSAGE(store.ok(), store.status().message());
  return std::move(*store);
}

ino_t inode(const std::string& path) {
  struct stat st {};
  REQUIRE(stat(path.c_str(), &st) == 0);
  return st.st_ino;
}

}  // namespace

TEST_CASE("every file and every folder whose entries changed is synced before it is acknowledged") {
  for (const std::string kind : {"engine", "controller"}) {
    CAPTURE(kind);
    TestFolder folder;
    const std::string dir = folder.path + "/new/state";
    synced.clear();
    auto store = opened(dir, kind);
    for (const std::string& path : {folder.path, folder.path + "/new", dir, dir + "/FORMAT.new", dir + "/artifacts"})
      CHECK_MESSAGE(synced.contains(path), path);

    synced.clear();
    REQUIRE(store->write_chunk(kArtifact, 0, Buffer("chunk")).ok());
    REQUIRE(store->sync_artifact(kArtifact).ok());
    CHECK(synced == std::set<std::string>{dir + "/artifacts/" + kArtifact.hex(), dir + "/artifacts"});

    for (const int records : {1, 1000}) {
      std::vector<RecordWrite> writes;
      for (int i = 0; i < records; i++) writes.push_back(put("key/" + std::to_string(i), std::to_string(records)));
      synced.clear();
      syncs = 0;
      REQUIRE(store->commit(writes).ok());
      CHECK(synced == std::set<std::string>{dir + (kind == "controller" ? "/state.db-wal" : "/records.log")});
      CHECK(syncs == 1);
    }
  }
}

TEST_CASE("a log that takes the place of another is synced, and its folder, before anything is added to it") {
  TestFolder folder;
  auto store = opened(folder.path, "engine");
  REQUIRE(store->commit({put("big", std::string(3000000, 'b'))}).ok());
  synced.clear();
  REQUIRE(store->commit({put("big", "small")}).ok());
  CHECK(synced == std::set<std::string>{folder.path + "/records.log.new", folder.path, folder.path + "/records.log"});
}

TEST_CASE("chunks are written and read, and records committed, while the disk works on a sync") {
  TestFolder folder;
  auto store = opened(folder.path, "gateway");
  REQUIRE(store->write_chunk(kArtifact, 0, Buffer("zero")).ok());
  for (const bool commits : {true, false}) {
    std::promise<void> begun, may_end;
    auto held = may_end.get_future().share();
    in_sync = [&] {
      in_sync = nullptr;
      begun.set_value();
      held.wait();
    };
    auto slow = std::async(std::launch::async,
                           [&] { return commits ? store->commit({put("a", "1")}) : store->sync_artifact(kArtifact); });
    begun.get_future().wait();
    auto beside = std::async(std::launch::async, [&] {
      if (!commits && !store->commit({put("b", "1")}).ok()) return false;
      if (!store->write_chunk(kArtifact, 1, Buffer("one")).ok() || !store->read_chunk(kArtifact, 0).ok()) return false;
      return store->write_chunk(content::sha256("other"), 0, Buffer("x")).ok() &&
             store->drop_artifact(content::sha256("other")).ok();
    });
    CHECK(beside.wait_for(std::chrono::seconds(20)) == std::future_status::ready);
    may_end.set_value();
    CHECK(beside.get());
    CHECK(slow.get().ok());
  }
  // What was written meanwhile is not taken for synced.
  synced.clear();
  REQUIRE(store->sync_artifact(kArtifact).ok());
  CHECK(synced.contains(folder.path + "/artifacts/" + kArtifact.hex()));
}

TEST_CASE("an artifact whose sync failed is written anew by the next, for the kernel may have lost its bytes") {
  TestFolder folder;
  auto store = opened(folder.path, "gateway");
  const std::string path = folder.path + "/artifacts/" + kArtifact.hex();
  REQUIRE(store->write_chunk(kArtifact, 0, Buffer("zero")).ok());
  REQUIRE(store->write_chunk(kArtifact, 1, Buffer("one")).ok());
  const ino_t first = inode(path);
  failing_sync = 1;
  CHECK(store->sync_artifact(kArtifact).code() == PINNATE_IO);
  failing_sync = 1;
  CHECK(store->sync_artifact(kArtifact).code() == PINNATE_IO);
  CHECK(inode(path) == first);
  CHECK(store->sync_artifact(kArtifact).ok());
  CHECK(inode(path) != first);
  CHECK(store->read_chunk(kArtifact, 1)->view() == "one");
  REQUIRE(store->write_chunk(kArtifact, 2, Buffer("two")).ok());
  CHECK(store->sync_artifact(kArtifact).ok());
  store.reset();
  store = opened(folder.path, "gateway");
  CHECK(store->restore()->chunks.at(kArtifact).size() == 3);
  CHECK(store->read_chunk(kArtifact, 0)->view() == "zero");
}

TEST_CASE("a commit of which any sync fails is whole or is not there, now and in the next life") {
  for (const std::string kind : {"engine", "controller"})
    for (int which = 1; which <= 8; which++)
      for (bool retried : {false, true}) {
        CAPTURE(kind);
        CAPTURE(which);
        CAPTURE(retried);
        TestFolder folder;
        auto store = opened(folder.path, kind);
        REQUIRE(store->commit({put("a", "1"), put("b", "1")}).ok());
        failing_sync = which;
        const Status s = store->commit({put("a", "2"), put("b", "2"), put("c", "2")});
        failing_sync = 0;
        if (retried) REQUIRE(store->commit({put("a", "3")}).ok());
        store.reset();
        const auto records = opened(folder.path, kind)->restore()->records;
        const std::string a = records.at("a").str(), b = records.at("b").str();
        CHECK((b == "1" || b == "2"));
        CHECK(records.contains("c") == (b == "2"));
        CHECK(a == (retried ? "3" : b));
        if (s.ok()) CHECK(b == "2");
      }
}
