// Pools of workers: an id for the slot and one for the life, and folders that are about to be free.
#include "one_of_each.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <iterator>
#include <thread>

namespace {

pinnate_status open_worker(Engine& engine, const char* id, const char* instance, bool ephemeral) {
  pinnate_engine_options options = PINNATE_ENGINE_OPTIONS_INIT;
  options.tier.uv_loop = engine.world.loop();
  options.tier.id = id;
  options.instance = instance;
  options.ephemeral = ephemeral;
  return pinnate_engine_open(&options, &engine.handle);
}

std::string status_of_thread(pid_t thread) {
  std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/status");
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("two lives of one slot are there at one time, and an ephemeral one is forgotten when it ends") {
  World world(false);
  Fleet fleet(world);
  Engine before(world), after(world);
  REQUIRE(open_worker(before, "worker-0", nullptr, true) == PINNATE_OK);
  REQUIRE(open_worker(after, "worker-0", "b", true) == PINNATE_OK);
  const std::string made = pinnate_engine_id(before);
  CHECK(made.substr(0, 9) == "worker-0.");
  CHECK(made.size() == 9 + 8);
  CHECK(pinnate_engine_id(after) == std::string("worker-0.b"));
  REQUIRE(pinnate_engine_dial_upstream(before, fleet.at("g").c_str(), nullptr) == PINNATE_OK);
  REQUIRE(world.until([&] { return fleet.watch.online_engines() == 2; }));
  REQUIRE(pinnate_engine_dial_upstream(after, fleet.at("g").c_str(), nullptr) == PINNATE_OK);
  REQUIRE(world.until([&] { return fleet.watch.online_engines() == 3; }));
  before.close();
  REQUIRE(world.until([&] { return fleet.watch.online_engines() == 2; }));
  RollupAnswer now;
  REQUIRE(pinnate_controller_status_wait(fleet.controller, nullptr, RollupAnswer::on_rollup, &now, nullptr, 0) ==
          PINNATE_OK);
  CHECK(now.known == 2);
}

TEST_CASE("an instance is part of the id, and has its limits") {
  World world(false);
  Engine engine(world);
  CHECK(open_worker(engine, "w", "", false) == PINNATE_INVALID);
  CHECK(open_worker(engine, "w", "no space", false) == PINNATE_INVALID);
  CHECK(open_worker(engine, std::string(120, 'w').c_str(), "12345678", false) == PINNATE_INVALID);
  REQUIRE(open_worker(engine, nullptr, nullptr, true) == PINNATE_OK);  // an id at random is one of a life
  CHECK(std::string(pinnate_engine_id(engine)).find('.') == std::string::npos);
}

TEST_CASE("opening waits for a folder that is about to be free") {
  World world(false);
  TestFolder folder;
  const std::string dir = folder.path + "/state";
  pinnate_engine_options options = PINNATE_ENGINE_OPTIONS_INIT;
  options.state_dir = dir.c_str();
  Engine engine(world);
  REQUIRE(pinnate_engine_open(&options, &engine.handle) == PINNATE_OK);
  engine.close();
  int lock = ::open((dir + "/LOCK").c_str(), O_RDWR | O_CLOEXEC);  // as another process has it
  REQUIRE(flock(lock, LOCK_EX) == 0);
  CHECK(pinnate_engine_open(&options, &engine.handle) == PINNATE_IN_USE);
  options.tier.folder_wait_ms = 20;
  CHECK(pinnate_engine_open(&options, &engine.handle) == PINNATE_IN_USE);
  options.tier.folder_wait_ms = 600001;
  CHECK(pinnate_engine_open(&options, &engine.handle) == PINNATE_INVALID);
  options.tier.folder_wait_ms = 20000;
  pinnate_status status = PINNATE_INTERNAL;
  std::atomic<pid_t> opener{0};
  std::thread opening([&] {
    opener = gettid();
    opener.notify_one();
    status = pinnate_engine_open(&options, &engine.handle);
  });
  opener.wait(0);
  // It has found the folder in use when it sleeps between two tries.
  while (status_of_thread(opener).find("State:\tS") == std::string::npos) std::this_thread::yield();
  REQUIRE(flock(lock, LOCK_UN) == 0);
  opening.join();
  CHECK(status == PINNATE_OK);
  close(lock);
}
