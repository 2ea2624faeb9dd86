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
      PublishedAnswer published;
      const pinnate_publish publish = fleet.greet("1.0.0", "hello ");
      REQUIRE(pinnate_controller_publish(fleet.controller, &publish, nullptr, PublishedAnswer::on_published,
                                         &published) == PINNATE_OK);
      REQUIRE(fleet.live("1.0.0"));
      caller = std::thread([&, engine = fleet.engine.handle] {
        const pinnate_call call = fleet.call("wait");
        void* result = nullptr;
        size_t size = 0;
        status = pinnate_engine_call_wait(engine, &call, &result, &size);
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
  REQUIRE(pinnate_controller_publish_wait(fleet.controller, &publish, nullptr) == PINNATE_OK);
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
        const pinnate_status status = pinnate_engine_call_wait(engine, &call, &result, &size);
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
