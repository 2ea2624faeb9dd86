// What was acknowledged is kept, and what was written together is seen together, whenever a process
// is killed.
#include "store/store.h"

#include "base/random.h"
#include "folder.h"
#include "store/stored.h"

#include <doctest/doctest.h>

#include <csignal>

#include <sys/wait.h>
#include <unistd.h>

using namespace pinnate;
using namespace pinnate::store;

namespace {

// Counts upward from `from`: each number into a chunk, then into three records at once, then says
// so.
[[noreturn]] void count(const std::string& dir, const std::string& kind, std::uint32_t from, int acknowledge) {
  auto store = open_store(dir, kind);
  if (!store.ok() || !(*store)->restore().ok()) _exit(1);
  for (std::uint32_t n = from;; n++) {
    const std::string number = std::to_string(n);
    if (!(*store)->write_chunk(kArtifact, n % 1000, Buffer(number + std::string(n % 5000, '.'))).ok()) _exit(2);
    if (!(*store)->sync_artifact(kArtifact).ok()) _exit(3);
    const std::vector<RecordWrite> batch = {
        {"x", Buffer(number)}, {"y/" + number, Buffer("")}, {"y/" + std::to_string(n - 1), {}}};
    if (!(*store)->commit(batch).ok()) _exit(4);
    if (!(*store)->commit({{"z", Buffer(number)}}).ok()) _exit(5);
    if (write(acknowledge, &n, sizeof n) != sizeof n) _exit(6);
  }
}

// Kills the counter after a random while; returns the last number that it said was kept.
std::uint32_t last_acknowledged(const std::string& dir, const std::string& kind, std::uint32_t from, Random* random) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    count(dir, kind, from, ends[1]);
  }
  close(ends[1]);
  std::uint32_t last = from - 1, n = 0;
  std::uint64_t wanted = 1 + random->below(8);
  while (wanted-- > 0 && read(ends[0], &n, sizeof n) == sizeof n) last = n;
  usleep(static_cast<useconds_t>(random->below(3000)));  // time itself is under test: no event may choose the moment
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WIFSIGNALED(status));  // it did not give up by itself
  while (read(ends[0], &n, sizeof n) == sizeof n) last = n;
  close(ends[0]);
  return last;
}

}  // namespace

TEST_CASE("what a killed process had acknowledged is there, and batches are whole") {
  Random random(11);
  for (const std::string kind : {"engine", "controller"}) {
    CAPTURE(kind);
    TestFolder folder;
    std::uint32_t next = 1;
    for (int round = 0; round < 12; round++) {
      const std::uint32_t last = last_acknowledged(folder.path, kind, next, &random);
      auto store = open_store(folder.path, kind);
      REQUIRE_MESSAGE(store.ok(), store.status().message());
      const auto restored = (*store)->restore();
      REQUIRE(restored.ok());
      if (last == 0) continue;
      const std::uint32_t x = static_cast<std::uint32_t>(std::stoul(restored->records.at("x").str()));
      const std::uint32_t z = static_cast<std::uint32_t>(std::stoul(restored->records.at("z").str()));
      CHECK(x >= last);
      CHECK(x <= last + 1);
      CHECK((z == x || z + 1 == x));
      CHECK(restored->records.contains("y/" + std::to_string(x)));
      CHECK(restored->records.size() == 3);
      for (std::uint32_t n = 1; n <= x; n++) {
        const auto chunk = (*store)->read_chunk(kArtifact, n % 1000);
        REQUIRE(chunk.ok());
        CHECK(chunk->view() == std::to_string(n) + std::string(n % 5000, '.'));
      }
      next = x + 1;
    }
    CHECK(next > 12);
  }
}
