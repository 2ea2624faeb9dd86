// Whose a folder is, and who may open it.
#include "store/store.h"

#include "content/sha256.h"
#include "folder.h"
#include "store/bytes_on_disk.h"
#include "store/child.h"
#include "store/frame.h"
#include "store/stored.h"

#include <doctest/doctest.h>

#include <sys/stat.h>
#include <sys/syscall.h>

using namespace pinnate;
using namespace pinnate::store;

namespace {

// Names, times of the last change, and bytes of all that is in a folder, and of itself.
std::map<std::string, std::string> state_of(const std::string& path) {
  std::map<std::string, std::string> state;
  const auto add = [&](const std::string& at, bool file) {
    struct stat st {};
    REQUIRE(stat(at.c_str(), &st) == 0);
    state[at] =
        std::to_string(st.st_ctim.tv_sec) + "." + std::to_string(st.st_ctim.tv_nsec) + " " + (file ? bytes_of(at) : "");
  };
  add(path, false);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path))
    add(entry.path().string(), entry.is_regular_file());
  return state;
}

}  // namespace

TEST_CASE("a folder that is open is refused to a second handle, by its name") {
  TestFolder folder;
  auto first = open_folder_store(folder.path, "engine");
  REQUIRE(first.ok());
  const auto second = open_folder_store(folder.path, "engine");
  CHECK(second.status().code() == PINNATE_IN_USE);
  CHECK(second.status().message().find(folder.path) != std::string::npos);
  first->reset();
  CHECK(open_folder_store(folder.path, "engine").ok());
}

TEST_CASE("a folder that is open is refused to another process") {
  TestFolder folder;
  auto store = open_controller_store(folder.path);
  REQUIRE(store.ok());
  const int status = run_in_child([&] { return static_cast<int>(open_controller_store(folder.path).status().code()); });
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == PINNATE_IN_USE);
}

TEST_CASE("the words about a folder that is in use name the process that has it open") {
  TestFolder folder;
  auto store = open_folder_store(folder.path, "engine");
  REQUIRE(store.ok());
  CHECK(open_folder_store(folder.path, "engine").status().message().find("another handle of this process") !=
        std::string::npos);
  int words[2];
  REQUIRE(pipe(words) == 0);
  run_in_child([&] {
    const std::string said = open_folder_store(folder.path, "engine").status().message();
    return write(words[1], said.data(), said.size()) > 0 ? 0 : 1;
  });
  char said[1024] = "";
  REQUIRE(read(words[0], said, sizeof said - 1) > 0);
  CHECK(std::string(said).find("in use by process " + std::to_string(getpid()) + " (test_store)") != std::string::npos);
  close(words[0]);
  close(words[1]);
}

// A copy of the descriptor that no handler of fork() knows of, as a child has that was made beside
// it.
TEST_CASE("a process that keeps a folder without knowing is named") {
  TestFolder folder;
  auto store = open_folder_store(folder.path, "engine");
  REQUIRE(store.ok());
  const pid_t child = static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  if (child == 0)
    for (;;) pause();
  REQUIRE(child > 0);
  const auto held = open_folder_store(folder.path, "engine");
  CHECK(held.status().message().find("process " + std::to_string(child)) != std::string::npos);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

TEST_CASE("a child of fork() that lives on does not keep the folder of its parent") {
  TestFolder folder;
  auto store = open_folder_store(folder.path, "engine");
  REQUIRE(store.ok());
  const pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  store->reset();
  CHECK(open_folder_store(folder.path, "engine").ok());
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

TEST_CASE("a child of fork() that destroys its copy does not unlock the folder of its parent") {
  TestFolder folder;
  auto store = open_folder_store(folder.path, "engine");
  REQUIRE(store.ok());
  run_in_child([&] {
    store->reset();
    return 0;
  });
  CHECK(open_folder_store(folder.path, "engine").status().code() == PINNATE_IN_USE);
}

TEST_CASE("a folder of another kind or version is refused in words, and left as it is") {
  TestFolder folder;
  { REQUIRE(open_folder_store(folder.path, "gateway").ok()); }
  CHECK(bytes_of(folder.path + "/FORMAT") == "pinnate gateway 1\n");
  const auto other = open_folder_store(folder.path, "engine");
  CHECK(other.status().code() == PINNATE_INCOMPATIBLE);
  CHECK(other.status().message().find("'pinnate gateway 1'") != std::string::npos);
  CHECK(open_controller_store(folder.path).status().code() == PINNATE_INCOMPATIBLE);
  put_bytes(folder.path + "/FORMAT", "pinnate gateway 2\n");
  CHECK(open_folder_store(folder.path, "gateway").status().code() == PINNATE_INCOMPATIBLE);
  put_bytes(folder.path + "/FORMAT", "pinnate gateway 10\n");
  CHECK(open_folder_store(folder.path, "gateway").status().code() == PINNATE_INCOMPATIBLE);
  put_bytes(folder.path + "/FORMAT", "pinnate gateway 1\nand what a later one adds\n");
  CHECK(open_folder_store(folder.path, "gateway").ok());
  put_bytes(folder.path + "/FORMAT", std::string("\0\x1b\n", 3));
  CHECK(open_folder_store(folder.path, "gateway").status().code() == PINNATE_INCOMPATIBLE);
  put_bytes(folder.path + "/FORMAT", "pinnate gateway 1\n");
  CHECK(open_folder_store(folder.path, "gateway").ok());
}

TEST_CASE("nothing in a folder of a newer version is touched, whichever of its files says so") {
  const FrameFormat newer_log{"PNL1", "PNW1", 2, 1, 100};
  for (const std::string kind : {"engine", "controller"})
    for (const std::string file : {"FORMAT", "records.log", "state.db"}) {
      if (file == (kind == "controller" ? "records.log" : "state.db")) continue;
      CAPTURE(kind);
      CAPTURE(file);
      TestFolder folder;
      {
        auto store = open_store(folder.path, kind);
        REQUIRE(store.ok());
        REQUIRE((*store)->write_chunk(kArtifact, 0, Buffer("chunk")).ok());
        REQUIRE((*store)->commit({put("a", "1")}).ok());
      }
      std::string bytes = bytes_of(folder.path + "/" + file);
      if (file == "FORMAT") bytes = "pinnate " + kind + " 2\n";
      if (file == "records.log") bytes.replace(0, kFileHeaderBytes, encode_file_header(newer_log));
      if (file == "state.db") bytes[63] = 2;  // user_version
      put_bytes(folder.path + "/" + file, bytes);
      put_bytes(folder.path + "/artifacts/" + kArtifact.hex() + ".new", "left behind");
      std::filesystem::remove(folder.path + (file == "FORMAT" ? "/LOCK" : "/none"));
      const auto before = state_of(folder.path);
      const auto store = open_store(folder.path, kind);
      CHECK(store.status().code() == PINNATE_INCOMPATIBLE);
      CHECK(store.status().message().find(folder.path) != std::string::npos);
      CHECK(state_of(folder.path) == before);
    }
}

TEST_CASE("nothing is written once a folder, or a file in it, is not the one that was opened") {
  namespace fs = std::filesystem;
  const auto replace = [](const std::string& file) {
    fs::copy_file(file, file + ".copy");
    fs::rename(file + ".copy", file);
  };
  struct Way {
    std::string name;
    std::function<void(const std::string& path)> spoil;
  };
  for (const std::string kind : {"engine", "gateway", "controller"}) {
    const std::string records = kind == "controller" ? "/state.db" : "/records.log";
    std::vector<Way> ways = {
        {"put back from a copy",
         [](const std::string& path) {
           fs::copy(path, path + ".copy", fs::copy_options::recursive);
           fs::remove_all(path);
           fs::rename(path + ".copy", path);
         }},
        {"renamed", [](const std::string& path) { fs::rename(path, path + ".away"); }},
        {"removed", [](const std::string& path) { fs::remove_all(path); }},
        {"records replaced", [&](const std::string& path) { replace(path + records); }},
        {"records removed", [&](const std::string& path) { fs::remove(path + records); }},
        {"lock removed", [](const std::string& path) { fs::remove(path + "/LOCK"); }},
    };
    if (kind == "controller")
      ways.push_back({"log removed", [](const std::string& path) { fs::remove(path + "/state.db-wal"); }});
    for (const Way& way : ways) {
      CAPTURE(kind);
      CAPTURE(way.name);
      TestFolder folder;
      const std::string path = folder.path + "/top";
      auto store = open_store(path, kind);
      REQUIRE(store.ok());
      REQUIRE((*store)->restore().ok());
      REQUIRE((*store)->write_chunk(kArtifact, 0, Buffer("chunk")).ok());
      REQUIRE((*store)->sync_artifact(kArtifact).ok());
      REQUIRE((*store)->commit({put("a", "1")}).ok());
      way.spoil(path);
      const Status refused = (*store)->commit({put("b", "1")});
      CHECK(refused.code() == PINNATE_IO);
      CHECK(refused.message().find("'" + path) != std::string::npos);
      CHECK(refused.message().find("restart") != std::string::npos);
      if (way.name.find("records") == std::string::npos && way.name != "log removed") {
        CHECK_FALSE((*store)->write_chunk(kArtifact, 1, Buffer("chunk")).ok());
        CHECK_FALSE((*store)->sync_artifact(kArtifact).ok());
        CHECK_FALSE((*store)->drop_artifact(kArtifact).ok());
      }
      if (way.name == "renamed") {
        fs::rename(path + ".away", path);
        CHECK((*store)->commit({put("c", "1")}).ok());
      }
      if (way.name != "renamed" && way.name != "put back from a copy") continue;
      store->reset();
      auto again = open_store(path, kind);
      REQUIRE(again.ok());
      const auto held = (*again)->restore();
      REQUIRE(held.ok());
      CHECK(held->records.contains("a"));
      CHECK_FALSE(held->records.contains("b"));
      CHECK(held->records.contains("c") == (way.name == "renamed"));
      CHECK((*again)->read_chunk(kArtifact, 0).ok());
    }
  }
}

TEST_CASE("an artifact whose file was replaced is not reported as synced") {
  for (const std::string kind : {"engine", "controller"}) {
    TestFolder folder;
    auto store = open_store(folder.path, kind);
    REQUIRE(store.ok());
    REQUIRE((*store)->write_chunk(kArtifact, 0, Buffer("chunk")).ok());
    REQUIRE((*store)->sync_artifact(kArtifact).ok());
    std::filesystem::remove(folder.path + "/artifacts/" + kArtifact.hex());
    CHECK_FALSE((*store)->sync_artifact(kArtifact).ok());
  }
}

TEST_CASE("a folder that lost its FORMAT is not taken for a new one") {
  TestFolder folder;
  { REQUIRE(open_folder_store(folder.path, "gateway").ok()); }
  std::filesystem::remove(folder.path + "/FORMAT");
  CHECK(open_folder_store(folder.path, "gateway").status().code() == PINNATE_INCOMPATIBLE);
}

TEST_CASE("a folder that nobody else may read is made with all that is above it") {
  TestFolder folder;
  const std::string path = folder.path + "/deep/deeper//deepest/";
  CHECK(open_folder_store(path, "engine").ok());
  struct stat st {};
  REQUIRE(stat(path.c_str(), &st) == 0);
  CHECK((st.st_mode & 0777) == 0700);
}

TEST_CASE("a path that cannot be a folder is refused in words") {
  TestFolder folder;
  put_bytes(folder.path + "/file", "");
  for (const char* path : {"/file", "/file/below"}) {
    const auto store = open_folder_store(folder.path + path, "engine");
    CHECK_FALSE(store.ok());
    CHECK(store.status().message().find(folder.path + path) != std::string::npos);
  }
  CHECK(open_folder_store("", "engine").status().code() == PINNATE_INVALID);
  CHECK(open_folder_store(folder.path + "/x", "toaster").status().code() == PINNATE_INVALID);
  CHECK(open_controller_store("/proc/no-such-place").status().code() != PINNATE_OK);
}

TEST_CASE("a store opened by a relative path survives a change of the working directory") {
  TestFolder folder;
  const int status = run_in_child([&] {
    if (chdir(folder.path.c_str()) != 0) return 1;
    auto store = open_folder_store("here", "engine");
    if (!store.ok() || chdir("/") != 0) return 2;
    if (!(*store)->commit({{"a", Buffer("1")}}).ok()) return 3;
    return (*store)->write_chunk(content::sha256("x"), 0, Buffer("1")).ok() ? 0 : 4;
  });
  CHECK(status == 0);
  CHECK(open_folder_store(folder.path + "/here", "engine").ok());
}
