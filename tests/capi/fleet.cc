// A whole fleet in one process: controller, gateway and engine over unix: addresses, on one loop
// and on the library's thread.
#include "one_of_each.h"

TEST_CASE_TEMPLATE("a fleet goes from publish to unpublish, on one loop of the host's and on the library's thread",
                   OwnLoop, std::true_type, std::false_type) {
  constexpr bool own_loop = OwnLoop::value;
  World world(own_loop);
  ServiceChanges services;  // told until the engine has closed
  Fleet fleet(world);
  REQUIRE(pinnate_engine_watch(fleet.engine, ServiceChanges::on_service, &services, nullptr) == PINNATE_OK);

  PublishedAnswer published;
  const pinnate_publish first = fleet.greet("1.0.0", "hello ");
  REQUIRE(pinnate_controller_publish(fleet.controller, &first, PublishedAnswer::on_progress,
                                     PublishedAnswer::on_published, &published) == PINNATE_OK);
  if (own_loop) CHECK_FALSE(published.came());  // never from inside the call
  REQUIRE(world.until([&] { return published.came(); }));
  CHECK(published.error == "");
  REQUIRE(published.status == PINNATE_OK);
  CHECK(published.published.created == 1);
  CHECK(published.published.release > 0);
  CHECK(published.published.revision == published.published.release);
  CHECK(published.total == 6);
  CHECK_FALSE(published.went_back);
  REQUIRE(fleet.live("1.0.0"));
  CHECK(world.until([&] { return services.told("greet 1.0.0 live serving"); }));

  SUBCASE("calls from every tier reach the service") {
    const pinnate_call call = fleet.call("world");
    ResultAnswer by_controller, by_gateway, by_engine, by_client;
    Client client(world);
    REQUIRE(open(client, fleet.at("g")) == PINNATE_OK);
    REQUIRE(pinnate_controller_call(fleet.controller, &call, ResultAnswer::on_result, &by_controller) == PINNATE_OK);
    REQUIRE(pinnate_gateway_call(fleet.gateway, &call, ResultAnswer::on_result, &by_gateway) == PINNATE_OK);
    REQUIRE(pinnate_engine_call(fleet.engine, &call, ResultAnswer::on_result, &by_engine) == PINNATE_OK);
    REQUIRE(pinnate_client_call(client, &call, ResultAnswer::on_result, &by_client) == PINNATE_OK);
    for (ResultAnswer* answer : {&by_controller, &by_gateway, &by_engine, &by_client}) {
      REQUIRE(world.until([&] { return answer->came(); }));
      CHECK(answer->error == "");
      CHECK(answer->status == PINNATE_OK);
      CHECK(answer->result == "hello !world");
    }
  }
  SUBCASE("a call that fails brings what the service said") {
    const pinnate_call call = fleet.call("fail");
    ResultAnswer answer;
    REQUIRE(pinnate_controller_call(fleet.controller, &call, ResultAnswer::on_result, &answer) == PINNATE_OK);
    REQUIRE(world.until([&] { return answer.came(); }));
    CHECK(answer.status == PINNATE_FAILED);
    CHECK(answer.result == "as you wished");
    CHECK(answer.error.find("as you wished") != std::string::npos);
  }
  SUBCASE("a call in process runs on any thread but the loop's") {
    const pinnate_call call = fleet.call("there");
    void* result = nullptr;
    size_t size = 0;
    pinnate_status status = PINNATE_INTERNAL;
    std::atomic<bool> over{false};
    std::thread caller([&] {
      status = pinnate_engine_call_wait(fleet.engine, &call, &result, &size, nullptr, 0);
      over = true;
      bell().ring();
    });
    CHECK(world.until([&] { return over.load(); }));
    caller.join();
    REQUIRE(status == PINNATE_OK);
    CHECK(std::string(static_cast<char*>(result), size) == "hello !there");
    pinnate_result_free(result);
    if (own_loop) {
      CHECK(pinnate_engine_call_wait(fleet.engine, &call, &result, &size, nullptr, 0) == PINNATE_WRONG_THREAD);
      CHECK(result == nullptr);
    }
  }
  SUBCASE("a new version takes over, and the history tells both") {
    PublishedAnswer again;
    const pinnate_publish second = fleet.greet("1.1.0", "welcome ");
    REQUIRE(pinnate_controller_publish(fleet.controller, &second, nullptr, PublishedAnswer::on_published, &again) ==
            PINNATE_OK);
    REQUIRE(world.until([&] { return again.came(); }));
    REQUIRE(again.status == PINNATE_OK);
    REQUIRE(fleet.live("1.1.0"));
    CHECK(world.until([&] { return services.told("greet 1.1.0 live serving"); }));
    ReleasesAnswer history;
    REQUIRE(pinnate_controller_releases(fleet.controller, "greet", ReleasesAnswer::on_releases, &history) ==
            PINNATE_OK);
    REQUIRE(world.until([&] { return history.came(); }));
    REQUIRE(history.releases.size() == 2);
    CHECK(history.releases[0].version == "1.1.0");
    CHECK(history.releases[0].current);
    CHECK(history.releases[0].ended == "");
    CHECK(history.releases[0].platforms == "any");
    CHECK(history.releases[0].manifest.size() == 64);
    CHECK(history.releases[1].version == "1.0.0");
    CHECK_FALSE(history.releases[1].current);
  }
  SUBCASE("the same again makes no new release") {
    PublishedAnswer again;
    const pinnate_publish same = fleet.greet("1.0.0", "hello ");
    REQUIRE(pinnate_controller_publish(fleet.controller, &same, nullptr, PublishedAnswer::on_published, &again) ==
            PINNATE_OK);
    REQUIRE(world.until([&] { return again.came(); }));
    CHECK(again.status == PINNATE_OK);
    CHECK(again.published.created == 0);
    CHECK(again.published.release == published.published.release);
  }
  SUBCASE("a gateway that nobody knows is not found") {
    pinnate_lookup lookup = PINNATE_LOOKUP_INIT;
    lookup.at = "nowhere";
    TiersAnswer rows;
    REQUIRE(pinnate_controller_lookup(fleet.controller, &lookup, TiersAnswer::on_rows, &rows) == PINNATE_OK);
    REQUIRE(world.until([&] { return rows.came(); }));
    CHECK(rows.status == PINNATE_NOT_FOUND);
    CHECK(rows.error.find("knows no gateway 'nowhere'") != std::string::npos);
  }
  SUBCASE("what a publish keeps serves again when it is withdrawn") {
    PublishedAnswer again;
    pinnate_publish second = fleet.greet("1.1.0", "welcome ");
    second.keep_older = 1;
    REQUIRE(pinnate_controller_publish(fleet.controller, &second, nullptr, PublishedAnswer::on_published, &again) ==
            PINNATE_OK);
    REQUIRE(fleet.live("1.1.0"));
    DoneAnswer done;
    REQUIRE(pinnate_controller_unpublish(fleet.controller, "greet", again.published.release, DoneAnswer::on_done,
                                         &done) == PINNATE_OK);
    REQUIRE(fleet.live("1.0.0"));
    CHECK(fleet.watch.row("greet", "1.1.0").serving == 0);
  }
  SUBCASE("a lookup lists gateway and engine, and the engine its services") {
    pinnate_lookup lookup = PINNATE_LOOKUP_INIT;
    lookup.gateways = 1;
    TiersAnswer tiers, own;
    REQUIRE(pinnate_controller_lookup(fleet.controller, &lookup, TiersAnswer::on_rows, &tiers) == PINNATE_OK);
    REQUIRE(world.until([&] { return tiers.came(); }));
    REQUIRE(tiers.status == PINNATE_OK);
    REQUIRE(tiers.tiers.size() == 2);
    CHECK(tiers.tiers[0].role == PINNATE_ROLE_GATEWAY);
    CHECK(tiers.tiers[1].role == PINNATE_ROLE_ENGINE);
    CHECK(tiers.tiers[1].id == "leaf-1");
    CHECK(tiers.tiers[1].services == 1);
    CHECK(tiers.next == "");
    REQUIRE(pinnate_engine_services(fleet.engine, TiersAnswer::on_rows, &own) == PINNATE_OK);
    REQUIRE(world.until([&] { return own.came(); }));
    REQUIRE(own.tiers.size() == 1);
    CHECK(own.tiers[0].id == "leaf-1");
    CHECK(own.tiers[0].services == 1);
  }
  SUBCASE("a client publishes and asks as the controller's host does") {
    Client client(world);
    REQUIRE(open(client, fleet.at("c")) == PINNATE_OK);
    PublishedAnswer again;
    const pinnate_publish second = fleet.greet("2.0.0", "moin ");
    REQUIRE(pinnate_client_publish(client, &second, PublishedAnswer::on_progress, PublishedAnswer::on_published,
                                   &again) == PINNATE_OK);
    REQUIRE(world.until([&] { return again.came(); }));
    CHECK(again.error == "");
    REQUIRE(again.status == PINNATE_OK);
    REQUIRE(fleet.live("2.0.0"));
    RollupAnswer rollup;
    REQUIRE(pinnate_client_status(client, "greet", RollupAnswer::on_rollup, &rollup) == PINNATE_OK);
    REQUIRE(world.until([&] { return rollup.came(); }));
    CHECK(rollup.known == 1);
    CHECK(rollup.gateways == 1);
  }

  DoneAnswer gone, none;
  REQUIRE(pinnate_controller_unpublish(fleet.controller, "greet", 0, DoneAnswer::on_done, &gone) == PINNATE_OK);
  REQUIRE(world.until([&] { return gone.came(); }));
  CHECK(gone.error == "");
  CHECK(gone.status == PINNATE_OK);
  CHECK(world.until([&] { return services.told("greet 1.0.0 not selected"); }));
  REQUIRE(pinnate_controller_unpublish(fleet.controller, "greet", 0, DoneAnswer::on_done, &none) == PINNATE_OK);
  REQUIRE(world.until([&] { return none.came(); }));
  CHECK(none.status == PINNATE_NOT_FOUND);
}

TEST_CASE("publish_wait waits on another thread, and refuses to block the loop's") {
  for (const bool own_loop : {true, false}) {
    World world(own_loop);
    Fleet fleet(world);
    const pinnate_publish publish = fleet.greet("1.0.0", "hello ");
    pinnate_published published = PINNATE_PUBLISHED_INIT;
    pinnate_status status = PINNATE_INTERNAL;
    std::atomic<bool> over{false};
    std::thread publisher([&] {
      status = pinnate_controller_publish_wait(fleet.controller, &publish, &published, nullptr, 0);
      over = true;
      bell().ring();
    });
    CHECK(world.until([&] { return over.load(); }));
    publisher.join();
    CHECK(status == PINNATE_OK);
    CHECK(published.release > 0);

    pinnate_status on_loop = PINNATE_OK;
    struct Attempt {
      Fleet& fleet;
      const pinnate_publish& publish;
      std::atomic<int> status{-1};
    } attempt{fleet, publish};
    REQUIRE(pinnate_controller_status(
                fleet.controller, nullptr,
                [](void* arg, pinnate_status, const char*, const pinnate_rollup*) {
                  auto* a = static_cast<Attempt*>(arg);
                  a->status = pinnate_controller_publish_wait(a->fleet.controller, &a->publish, nullptr, nullptr, 0);
                  bell().ring();
                },
                &attempt) == PINNATE_OK);
    CHECK(world.until([&] { return attempt.status >= 0; }));
    on_loop = static_cast<pinnate_status>(attempt.status.load());
    CHECK(on_loop == PINNATE_WRONG_THREAD);
  }
}

TEST_CASE("a module that fails to load is reported with its words") {
  World world(false);
  Fleet fleet(world);
  const pinnate_publish publish = fleet.greet("6.6.6", "broken");
  REQUIRE(pinnate_controller_publish_wait(fleet.controller, &publish, nullptr, nullptr, 0) == PINNATE_OK);
  REQUIRE(world.until([&] { return fleet.watch.row("greet", "6.6.6").failed == 1; }));
  const auto row = fleet.watch.row("greet", "6.6.6");
  REQUIRE(row.reasons.size() == 1);
  CHECK(row.reasons[0].find("this one is broken") != std::string::npos);
}

TEST_CASE("functions of a handle on the library's thread may be called from many threads at once") {
  World world(false);
  Fleet fleet(world);
  const pinnate_publish publish = fleet.greet("1.0.0", "hello ");
  REQUIRE(pinnate_controller_publish_wait(fleet.controller, &publish, nullptr, nullptr, 0) == PINNATE_OK);
  REQUIRE(fleet.live("1.0.0"));
  constexpr int kThreads = 4, kCalls = 50;
  std::vector<ResultAnswer> answers(kThreads * kCalls);
  std::atomic<int> in_process{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; t++)
    threads.emplace_back([&, t] {
      for (int i = 0; i < kCalls; i++) {
        const pinnate_call call = fleet.call("x");
        if (pinnate_controller_call(fleet.controller, &call, ResultAnswer::on_result, &answers[t * kCalls + i]) !=
            PINNATE_OK)
          return;
        void* result;
        size_t size;
        if (pinnate_engine_call_wait(fleet.engine, &call, &result, &size, nullptr, 0) == PINNATE_OK) {
          in_process += size == 8;
          pinnate_result_free(result);
        }
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(in_process == kThreads * kCalls);
  for (ResultAnswer& answer : answers) {
    REQUIRE(world.until([&] { return answer.came(); }));
    REQUIRE(answer.status == PINNATE_OK);
  }
}
