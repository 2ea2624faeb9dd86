// Whose a folder is, and who may open it.
#include "store/store.h"

#include "content/sha256.h"
#include "folder.h"
#include "store/bytes_on_disk.h"
#include "store/child.h"

#include <doctest/doctest.h>

#include <sys/stat.h>

using namespace pinnate;
using namespace pinnate::store;

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
  put_bytes(folder.path + "/FORMAT", std::string("\0\x1b\n", 3));
  CHECK(open_folder_store(folder.path, "gateway").status().code() == PINNATE_INCOMPATIBLE);
  put_bytes(folder.path + "/FORMAT", "pinnate gateway 1\n");
  CHECK(open_folder_store(folder.path, "gateway").ok());
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
