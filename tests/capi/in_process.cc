#include "one_of_each.h"

#include <utility>

TEST_CASE("an engine closes within its limit while a module holds a thread of the host's") {
  for (const bool own_loop : {true, false}) {
    World world(own_loop);
    greeting::door().shut();
    pinnate_status status = PINNATE_INTERNAL;
    std::thread caller;
    {
      Fleet fleet(world, 300);
      fleet.serve("1.0.0", "hello ");
      caller = std::thread([&, engine = fleet.engine.handle] {
        const pinnate_call call = fleet.call("wait");
        void* result = nullptr;
        size_t size = 0;
        status = pinnate_engine_call_wait(engine, &call, &result, &size, nullptr, 0);
        pinnate_result_free(result);
      });
      REQUIRE(world.until([] { return greeting::door().entered(); }));
      const auto begun = std::chrono::steady_clock::now();
      fleet.engine.close();
      CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(3));
    }
    greeting::door().open();  // only now the module lets go
    caller.join();
    CHECK((status == PINNATE_OK || status == PINNATE_CLOSED));
  }
}

TEST_CASE("calls in process that meet a closing engine end, and later ones are told that it closed") {
  World world(false);
  Fleet fleet(world);
  const pinnate_publish publish = fleet.greet("1.0.0", "hello ");
  REQUIRE(pinnate_controller_publish_wait(fleet.controller, &publish, nullptr, nullptr, 0) == PINNATE_OK);
  REQUIRE(fleet.live("1.0.0"));
  constexpr int kThreads = 3;
  struct Scene {
    std::atomic<int> answered{0}, refused{0}, other{0}, ended{0};
    Closed closed;
  } scene;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; t++)
    threads.emplace_back([&, engine = fleet.engine.handle] {
      const pinnate_call call = fleet.call("x");
      for (;;) {
        void* result = nullptr;
        size_t size = 0;
        const pinnate_status status = pinnate_engine_call_wait(engine, &call, &result, &size, nullptr, 0);
        pinnate_result_free(result);
        if (status == PINNATE_OK) {
          scene.answered++;
          bell().ring();
          continue;
        }
        (status == PINNATE_CLOSED || status == PINNATE_NOT_FOUND ? scene.refused : scene.other)++;
        scene.ended++;
        scene.ended.notify_one();
        return;
      }
    });
  REQUIRE(world.until([&] { return scene.answered > 100; }));
  CHECK(pinnate_engine_close_wait(fleet.engine) == PINNATE_OK);
  for (std::thread& thread : threads) thread.join();  // the handle stays, and says that it is closed
  pinnate_engine_free(std::exchange(fleet.engine.handle, nullptr));
  CHECK(scene.refused == kThreads);
  CHECK(scene.other == 0);
}

TEST_CASE("a call in process writes its result into the caller's memory, and says what does not fit") {
  World world(false);
  Fleet fleet(world);
  const pinnate_publish publish = fleet.greet("1.0.0", "hello ");
  REQUIRE(pinnate_controller_publish_wait(fleet.controller, &publish, nullptr, nullptr, 0) == PINNATE_OK);
  REQUIRE(fleet.live("1.0.0"));
  char room[64] = "", error[32] = "x";
  size_t bytes = 0;
  const pinnate_call call = fleet.call("you");
  for (const auto function : {pinnate_engine_call_into, pinnate_engine_try_call}) {
    REQUIRE(function(fleet.engine, &call, room, sizeof room, &bytes, error, sizeof error) == PINNATE_OK);
    CHECK(std::string(room, bytes) == "hello !you");
    CHECK(std::string(error).empty());
    std::memset(room, 0, sizeof room);
    CHECK(function(fleet.engine, &call, room, 4, &bytes, error, sizeof error) == PINNATE_TOO_LARGE);
    CHECK(bytes == 10);
    CHECK(room[0] == 0);
    CHECK(std::string(error) == "the result has 10 bytes, and th");  // cut, with its NUL
    CHECK(function(fleet.engine, &call, nullptr, 1, &bytes, nullptr, 0) == PINNATE_INVALID);
    const pinnate_call fails = fleet.call("fail");
    CHECK(function(fleet.engine, &fails, room, sizeof room, &bytes, error, sizeof error) == PINNATE_FAILED);
    CHECK(std::string(room, bytes) == "as you wished");
  }
}

TEST_CASE("try_call does not wait for a turn, nor for an answer that comes later") {
  World world(false);
  Fleet fleet(world);
  const pinnate_publish publish = fleet.greet("1.0.0", "hello ");
  REQUIRE(pinnate_controller_publish_wait(fleet.controller, &publish, nullptr, nullptr, 0) == PINNATE_OK);
  REQUIRE(fleet.live("1.0.0"));
  char room[64];
  size_t bytes = 0;
  const pinnate_call later = fleet.call("later");
  CHECK(pinnate_engine_try_call(fleet.engine, &later, room, sizeof room, &bytes, nullptr, 0) == PINNATE_TIMEOUT);
  CHECK(says("answers later"));
  CHECK(greeting::later().cancelled());
  greeting::later().answer();
  greeting::door().shut();
  const pinnate_call waits = fleet.call("wait");
  std::thread holder([&] { CHECK(pinnate_engine_call_into(fleet.engine, &waits, room, 64, &bytes, nullptr, 0) == 0); });
  REQUIRE(world.until([] { return greeting::door().entered(); }));
  char other[64];
  size_t other_bytes = 0;
  const pinnate_call call = fleet.call("you");
  CHECK(pinnate_engine_try_call(fleet.engine, &call, other, sizeof other, &other_bytes, nullptr, 0) == PINNATE_BUSY);
  CHECK(says("another call is in it"));
  greeting::door().open();
  holder.join();
}

TEST_CASE("what goes beside the payload reaches the module from everywhere") {
  World world(false);
  Fleet fleet(world);
  const pinnate_publish publish = fleet.greet("1.0.0", "hello ");
  REQUIRE(pinnate_controller_publish_wait(fleet.controller, &publish, nullptr, nullptr, 0) == PINNATE_OK);
  REQUIRE(fleet.live("1.0.0"));
  pinnate_header trace = PINNATE_HEADER_INIT, tenant = PINNATE_HEADER_INIT;
  trace.key = "trace-id";
  trace.value = "4bf92f35";
  tenant.key = "tenant";
  tenant.value = "oslo";
  const pinnate_header* headers[] = {&trace, &tenant};
  pinnate_call call = fleet.call("headers");
  call.headers = headers;
  call.header_count = 2;
  void* result = nullptr;
  size_t size = 0;
  const auto text = [&] {
    const std::string out(static_cast<char*>(result), size);
    pinnate_result_free(result);
    return out;
  };
  const std::string expected = "tenant=oslo;trace-id=4bf92f35;oslo.";
  REQUIRE(pinnate_engine_call_wait(fleet.engine, &call, &result, &size, nullptr, 0) == PINNATE_OK);
  CHECK(text() == expected);
  REQUIRE(pinnate_controller_call_wait(fleet.controller, &call, &result, &size, nullptr, 0) == PINNATE_OK);
  CHECK(text() == expected);

  const auto refused = [&](pinnate_status status, const char* words) {
    CHECK(pinnate_engine_call_wait(fleet.engine, &call, &result, &size, nullptr, 0) == status);
    CHECK_MESSAGE(says(words), pinnate_last_error());
  };
  headers[1] = &trace;
  refused(PINNATE_INVALID, "call.headers[1]: the key 'trace-id' was there before");
  tenant.key = "no spaces";
  headers[1] = &tenant;
  refused(PINNATE_INVALID, "header key 'no spaces'");
  tenant.key = nullptr;
  refused(PINNATE_INVALID, "call.headers[1].key is NULL");
  call.header_count = 33;
  refused(PINNATE_TOO_LARGE, "call.headers has 33 entries; at most 32 are allowed");
  call.headers = nullptr;
  refused(PINNATE_INVALID, "call.headers is NULL");
  const std::string long_value(4000, 'x');
  pinnate_header three[3];
  const char* keys[] = {"a", "b", "c"};
  const pinnate_header* pointers[3];
  for (int i = 0; i < 3; i++) {
    three[i] = PINNATE_HEADER_INIT;
    three[i].key = keys[i];
    three[i].value = long_value.c_str();
    pointers[i] = &three[i];
  }
  call.headers = pointers;
  call.header_count = 3;
  refused(PINNATE_TOO_LARGE, "headers of 12003 bytes; 8192 are allowed");
}

TEST_CASE("a function is looked up once and called by its handle, from version to version and beyond the engine") {
  World world(false);
  pinnate_function* greet = nullptr;
  char room[64], error[128];
  size_t bytes = 0;
  const auto call = [&](const char* payload) {
    return pinnate_function_call(greet, {payload, std::strlen(payload)}, 0, room, sizeof room, &bytes, error,
                                 sizeof error);
  };
  {
    Fleet fleet(world);
    CHECK(pinnate_engine_function(fleet.engine, "Not A Name", &greet) == PINNATE_INVALID);
    CHECK(greet == nullptr);
    REQUIRE(pinnate_engine_function(fleet.engine, "greet", &greet) == PINNATE_OK);
    CHECK(call("you") == PINNATE_NOT_FOUND);
    CHECK(std::string(error).find("greet") != std::string::npos);
    const char* const words[] = {"hello ", "welcome "};
    const char* const versions[] = {"1.0.0", "1.1.0"};
    for (int i = 0; i < 2; i++) {
      const pinnate_publish publish = fleet.greet(versions[i], words[i]);
      pinnate_published published = PINNATE_PUBLISHED_INIT;
      REQUIRE(pinnate_controller_publish_wait(fleet.controller, &publish, &published, nullptr, 0) == PINNATE_OK);
      REQUIRE(pinnate_controller_when_live_wait(fleet.controller, published.release, 1, 0, nullptr, 0) == PINNATE_OK);
      REQUIRE(call("you") == PINNATE_OK);
      CHECK(std::string(room, bytes) == std::string(words[i]) + "!you");
    }
    CHECK(pinnate_function_call(greet, {nullptr, 1}, 0, room, sizeof room, &bytes, nullptr, 0) == PINNATE_INVALID);
  }
  CHECK(call("you") == PINNATE_CLOSED);
  pinnate_function_free(greet);
  Engine closed(world);
  REQUIRE(open(closed) == PINNATE_OK);
  REQUIRE(pinnate_engine_close_wait(closed) == PINNATE_OK);
  CHECK(pinnate_engine_function(closed, "greet", &greet) == PINNATE_CLOSED);
  pinnate_engine_free(std::exchange(closed.handle, nullptr));
  pinnate_function_free(nullptr);
}
