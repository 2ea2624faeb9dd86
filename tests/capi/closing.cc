#include "answers.h"
#include "world.h"

#include "folder.h"
#include "threads_of_process.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <thread>
#include <utility>

namespace {

// Writes down the order of what happens to it.
struct Diary {
  std::mutex mutex;
  std::vector<std::string> entries;
  void write(const std::string& entry) {
    {
      std::lock_guard lock(mutex);
      entries.push_back(entry);
    }
    bell().ring();
  }
  std::size_t size() {
    std::lock_guard lock(mutex);
    return entries.size();
  }
};

void note_result(void* arg, pinnate_status status, const char*, pinnate_bytes) {
  static_cast<Diary*>(arg)->write(std::string("call: ") + pinnate_status_name(status));
}
void note_rollup(void* arg, pinnate_status status, const char*, const pinnate_rollup* rollup) {
  static_cast<Diary*>(arg)->write(std::string("watch: ") + pinnate_status_name(status) + (rollup ? "" : ", nothing"));
}
void note_closed(void* arg) { static_cast<Diary*>(arg)->write("closed"); }

}  // namespace

TEST_CASE("requests under way end as closed, before on_closed") {
  for (const bool own_loop : {true, false}) {
    World world(own_loop);
    Diary diary;
    pinnate_client_options options = PINNATE_CLIENT_OPTIONS_INIT;
    options.tier.uv_loop = world.loop();
    options.to = "unix:/nobody/listens/here";
    options.connect_timeout_ms = 600000;
    pinnate_client* client = nullptr;
    REQUIRE(pinnate_client_open(&options, &client) == PINNATE_OK);
    pinnate_call call = PINNATE_CALL_INIT;
    call.name = "f";
    REQUIRE(pinnate_client_call(client, &call, note_result, &diary) == PINNATE_OK);
    REQUIRE(pinnate_client_watch(client, note_rollup, &diary, nullptr) == PINNATE_OK);
    REQUIRE(pinnate_client_close(client, note_closed, &diary) == PINNATE_OK);
    if (own_loop) {
      CHECK(diary.size() == 0);  // nothing runs inside close
      CHECK(pinnate_client_close(client, nullptr, nullptr) == PINNATE_CLOSED);
      CHECK(pinnate_client_call(client, &call, note_result, &diary) == PINNATE_CLOSED);
      CHECK(says("closing or closed"));
    }
    REQUIRE(world.until([&] { return diary.size() == 3; }));
    CHECK(diary.entries[2] == "closed");
    CHECK(std::count(diary.entries.begin(), diary.entries.end(), "call: closed") == 1);
    CHECK(std::count(diary.entries.begin(), diary.entries.end(), "watch: closed, nothing") == 1);
    CHECK(pinnate_client_call(client, &call, note_result, &diary) == PINNATE_CLOSED);
    CHECK(pinnate_client_close(client, nullptr, nullptr) == PINNATE_CLOSED);
    pinnate_client_free(client);
  }
}

TEST_CASE("a request without a link ends as unreachable after connect_timeout_ms") {
  World world(true);
  Client client(world);
  pinnate_client_options options = PINNATE_CLIENT_OPTIONS_INIT;
  options.tier.uv_loop = world.loop();
  options.to = "unix:/nobody/listens/here";
  options.connect_timeout_ms = 50;
  REQUIRE(pinnate_client_open(&options, &client.handle) == PINNATE_OK);
  RollupAnswer rollup;
  REQUIRE(pinnate_client_status(client, nullptr, RollupAnswer::on_rollup, &rollup) == PINNATE_OK);
  REQUIRE(world.until([&] { return rollup.came(); }));
  CHECK(rollup.status == PINNATE_UNREACHABLE);
  CHECK(rollup.error.find("/nobody/listens/here") != std::string::npos);
}

TEST_CASE("a handle may be closed from within a callback, also with more requests under way") {
  for (const bool own_loop : {true, false}) {
    World world(own_loop);
    TestFolder folder;
    struct Scene {
      pinnate_controller* controller = nullptr;
      std::atomic<int> answers{0}, closed_answers{0};
      Closed closed;
    } scene;
    pinnate_controller_options options = PINNATE_CONTROLLER_OPTIONS_INIT;
    options.tier.uv_loop = world.loop();
    const std::string dir = folder.path + "/state";
    options.state_dir = dir.c_str();
    REQUIRE(pinnate_controller_open(&options, &scene.controller) == PINNATE_OK);
    const auto on_rollup = [](void* arg, pinnate_status status, const char*, const pinnate_rollup*) {
      auto* s = static_cast<Scene*>(arg);
      if (status == PINNATE_CLOSED) s->closed_answers++;
      if (s->answers++ == 0)
        CHECK(pinnate_controller_close(s->controller, Closed::on_closed, &s->closed) == PINNATE_OK);
    };
    constexpr int kRequests = 5;
    int asked = 0;
    for (int i = 0; i < kRequests; i++)
      asked += pinnate_controller_status(scene.controller, nullptr, on_rollup, &scene) == PINNATE_OK;
    CHECK(world.until([&] { return scene.closed.yet.load(); }));
    CHECK(scene.answers == asked);  // each request ended, once
    pinnate_controller_free(scene.controller);
  }
}

TEST_CASE("a handle that is freed closes by itself, on any thread and inside its own callbacks") {
  for (const bool own_loop : {true, false}) {
    World world(own_loop);
    Gateway gateway(world);
    REQUIRE(open(gateway) == PINNATE_OK);
    char bound[200];
    REQUIRE(pinnate_gateway_listen(gateway, "tcp://127.0.0.1:0", bound, sizeof bound, nullptr) == PINNATE_OK);
    Diary diary;
    REQUIRE(pinnate_gateway_status(gateway, nullptr, note_rollup, &diary) == PINNATE_OK);
    std::thread([&] { pinnate_gateway_free(std::exchange(gateway.handle, nullptr)); }).join();
    REQUIRE(world.until([&] { return diary.size() == 1; }));

    struct Scene {
      pinnate_gateway* gateway = nullptr;
      std::atomic<bool> freed{false};
    } scene;
    Gateway next(world);
    REQUIRE(open(next) == PINNATE_OK);
    scene.gateway = std::exchange(next.handle, nullptr);
    // In on_closed: nothing is left to close then.
    const auto on_closed = [](void* arg) {
      auto* s = static_cast<Scene*>(arg);
      CHECK(pinnate_gateway_close(s->gateway, nullptr, nullptr) == PINNATE_CLOSED);
      pinnate_gateway_free(s->gateway);
      s->freed = true;
      bell().ring();
    };
    REQUIRE(pinnate_gateway_close(scene.gateway, on_closed, &scene) == PINNATE_OK);
    REQUIRE(world.until([&] { return scene.freed.load(); }));
    // Now the address of the first is free again.
    Gateway last(world);
    REQUIRE(open(last) == PINNATE_OK);
    CHECK(pinnate_gateway_listen(last, bound, nullptr, 0, nullptr) == PINNATE_OK);
  }
  pinnate_engine_free(nullptr);
}

TEST_CASE("close_wait returns when the last callback has left the host's code, whoever began to close") {
  World world(false);
  Gateway gateway(world);
  REQUIRE(open(gateway) == PINNATE_OK);
  struct Scene {
    pinnate_gateway* gateway;
    std::atomic<bool> left{false};
    pinnate_status inside = PINNATE_OK;
  } scene{gateway};
  const auto on_closed = [](void* arg) {
    auto* s = static_cast<Scene*>(arg);
    s->inside = pinnate_gateway_close_wait(s->gateway);
    usleep(50'000);  // time itself is under test: a wait that ends too early would end in here
    s->left = true;
  };
  REQUIRE(pinnate_gateway_close(gateway, on_closed, &scene) == PINNATE_OK);
  std::thread other([&] { CHECK(pinnate_gateway_close_wait(gateway) == PINNATE_OK); });
  CHECK(pinnate_gateway_close_wait(gateway) == PINNATE_OK);
  CHECK(scene.left);
  other.join();
  CHECK(scene.inside == PINNATE_WRONG_THREAD);
  CHECK(pinnate_gateway_close_wait(gateway) == PINNATE_OK);
  pinnate_gateway_free(std::exchange(gateway.handle, nullptr));
}

TEST_CASE("on a loop of the host's, close_wait says that the loop has to run, until it is closed") {
  World world(true);
  Gateway gateway(world);
  REQUIRE(open(gateway) == PINNATE_OK);
  CHECK(pinnate_gateway_close_wait(gateway) == PINNATE_WRONG_THREAD);
  std::thread([&] { CHECK(pinnate_gateway_close_wait(gateway) == PINNATE_WRONG_THREAD); }).join();
  Closed closed;
  REQUIRE(pinnate_gateway_close(gateway, Closed::on_closed, &closed) == PINNATE_OK);
  REQUIRE(world.until([&] { return closed.yet.load(); }));
  CHECK(pinnate_gateway_close_wait(gateway) == PINNATE_OK);
  pinnate_gateway_free(std::exchange(gateway.handle, nullptr));
}

TEST_CASE("a controller keeps its id in its folder, and a given id replaces it") {
  World world(true);
  TestFolder folder;
  const std::string dir = folder.path + "/state";
  const auto id_after_opening = [&](const char* given) {
    Controller controller(world);
    pinnate_controller_options options = PINNATE_CONTROLLER_OPTIONS_INIT;
    options.tier.uv_loop = world.loop();
    options.tier.id = given;
    options.state_dir = dir.c_str();
    REQUIRE(pinnate_controller_open(&options, &controller.handle) == PINNATE_OK);
    RollupAnswer rollup;
    REQUIRE(pinnate_controller_status(controller, nullptr, RollupAnswer::on_rollup, &rollup) == PINNATE_OK);
    REQUIRE(world.until([&] { return rollup.came(); }));
    return rollup.id;
  };
  const std::string made = id_after_opening(nullptr);
  CHECK(made.substr(0, 11) == "controller-");
  CHECK(made.size() == 11 + 12);
  CHECK(id_after_opening(nullptr) == made);
  CHECK(id_after_opening("root.1") == "root.1");
  CHECK(id_after_opening(nullptr) == "root.1");

  std::ofstream(dir + "/tier-id") << "no id at all\n";
  Controller controller(world);
  CHECK(open(controller, dir) == PINNATE_CORRUPT);
  CHECK(says("tier-id' holds no tier id"));
}

TEST_CASE("a folder serves one controller at a time") {
  World world(true);
  TestFolder folder;
  Controller first(world), second(world);
  REQUIRE(open(first, folder.path + "/state") == PINNATE_OK);
  CHECK(open(second, folder.path + "/state") == PINNATE_IN_USE);
  CHECK(second.handle == nullptr);
  first.close();
  CHECK(open(second, folder.path + "/state") == PINNATE_OK);
}

TEST_CASE("when a handle has closed, no thread works for it any more") {
  for (int round = 0; round < 20; round++) {
    World world(true);
    TestFolder folder;
    {
      Controller controller(world);
      REQUIRE(open(controller, folder.path + "/state") == PINNATE_OK);
      const std::string bytes(300'000, 'x');
      pinnate_artifact artifact = PINNATE_ARTIFACT_INIT;
      const pinnate_artifact* const artifacts = &artifact;
      artifact.bytes = {bytes.data(), bytes.size()};
      pinnate_publish publish = PINNATE_PUBLISH_INIT;
      publish.name = "f";
      publish.version = "1";
      publish.artifacts = &artifacts;
      publish.artifact_count = 1;
      publish.allow = "not-a-module";
      PublishedAnswer published;
      REQUIRE(pinnate_controller_publish(controller, &publish, PublishedAnswer::on_progress,
                                         PublishedAnswer::on_published, &published) == PINNATE_OK);
      REQUIRE(world.until([&] { return published.came(); }));
      REQUIRE(published.status == PINNATE_OK);
      CHECK(threads_named("pinnate-work") > 0);
    }
    REQUIRE(threads_named("pinnate-work") == 0);
  }
}
